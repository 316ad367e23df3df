"""The recogniser that a run and an evaluation share: a network, a way to search, a stream."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.multilingual import ANY_LANGUAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.config import Settings
    from app.models.registry import Model
    from engine.acoustics import AcousticModel, Decoder
    from engine.language import LanguageIdentifier
    from engine.recognizer import StreamingRecognizer
    from engine.recognizer_config import RecognizerConfig
    from models.ngram import NgramModel
    from models.owsm_ctc.model import OwsmCtc
    from models.owsm_ctc.onnx_model import OnnxOwsmCtc


def make_decoder(
    network: "OwsmCtc | OnnxOwsmCtc",
    language_model: "NgramModel | None",
    config: "RecognizerConfig",
    hot_words: "Sequence[str]" = (),
    *,
    model: "AcousticModel | None" = None,
) -> "Decoder":
    """The beam search with a language model or hot words, or the best path without either.

    Args:
        network: whose tokens are written.
        language_model: of the same tokens.
        config: weights of the search.
        hot_words: to expect.
        model: computes what the network does, in another way; None: the network itself.

    Raises:
        CheckpointError: the language model is of another recogniser.
        HotWordsError: the recogniser cannot write a hot word.
    """
    from app.models.hot_words import encode_hot_words
    from engine.acoustics import BestPathDecoder
    from engine.beam_decoder import BeamDecoder
    from models.ngram import NgramBias
    from models.owsm_ctc.biases import Bias, SumOfBiases, WantedWords

    tokens = network.config.tokens
    biases: list[Bias] = []
    if language_model is not None:
        biases.append(
            NgramBias(language_model, tokens, weight=config.lm_weight, bonus=config.lm_bonus)
        )
    if hot_words:
        phrases = encode_hot_words(hot_words, network.vocabulary)
        biases.append(WantedWords(phrases, config.hot_word_bonus))
    if not biases:
        return BestPathDecoder(model or network, tokens)
    return BeamDecoder(
        model or network, tokens, bias=biases[0] if len(biases) == 1 else SumOfBiases(*biases)
    )


def make_recognizer(
    decoder: "Decoder",
    lang: str,
    settings: "Settings",
    *,
    identifier: "LanguageIdentifier | None" = None,
    translator: "Decoder | None" = None,
) -> "StreamingRecognizer":
    """A recogniser for one stream; what it is given may be that of other streams too."""
    from engine.recognizer import StreamingRecognizer
    from engine.vad import SileroModel, VoiceDetector

    return StreamingRecognizer(
        decoder,
        VoiceDetector(SileroModel(), settings.vad),
        lang=lang,
        config=settings.recognizer,
        identifier=identifier,
        translator=translator,
    )


@dataclass(frozen=True, slots=True)
class Ear:
    """What the streams of one recogniser share."""

    settings: "Settings"
    decoder: "Decoder"
    lang: str
    """Of what is said; where it is found out, that which is assumed at first."""
    identifier: "LanguageIdentifier | None"
    translator: "Decoder | None"

    def listen(self) -> "StreamingRecognizer":
        """A recogniser for one stream."""
        return make_recognizer(
            self.decoder,
            self.lang,
            self.settings,
            identifier=self.identifier,
            translator=self.translator,
        )


def load_ear(model: "Model", device: str, settings: "Settings", n_streams: int = 1) -> Ear:
    """Load the network, and its language model unless the settings say no.

    Args:
        model: which one.
        device: where it runs.
        settings: of the run.
        n_streams: how many may call at once; on a GPU they are computed together.

    Raises:
        CheckpointError: a file of it is missing, damaged, or of another model.
        HotWordsError: the file of hot words is unusable.
        RegistryError: it is to translate speech, and cannot.
    """
    from app.models.hot_words import read_hot_words
    from app.models.registry import SPEECH_TRANSLATOR, load_language_model, load_recognizer
    from engine.batching import BatchingModel
    from models.owsm_ctc.onnx_model import OnnxOwsmCtc

    run, config = settings.run, settings.recognizer
    network = load_recognizer(model, device=device, backend=run.backend)
    shared: AcousticModel = network
    if n_streams > 1 and device != "cpu" and not isinstance(network, OnnxOwsmCtc):
        shared = BatchingModel(network, max_rows=n_streams)
    language_model = load_language_model(model) if config.language_model else None
    hot_words = read_hot_words(run.hot_words) if run.hot_words else ()
    finds_out = run.source_lang == ANY_LANGUAGE
    return Ear(
        settings,
        make_decoder(network, language_model, config, hot_words, model=shared),
        lang=model.source_lang if finds_out else run.source_lang,
        identifier=_identifier(network, shared, model) if finds_out else None,
        translator=_speech_translator(network, shared, model, run.target_lang)
        if run.translator == SPEECH_TRANSLATOR
        else None,
    )


def load_stream(model: "Model", device: str, settings: "Settings") -> "StreamingRecognizer":
    """Load a recogniser for one stream; errors are those of `load_ear`."""
    return load_ear(model, device, settings).listen()


def _identifier(
    network: "OwsmCtc | OnnxOwsmCtc", shared: "AcousticModel", model: "Model"
) -> "LanguageIdentifier":
    from engine.language import TokenIdentifier
    from models.errors import CheckpointError

    try:
        return TokenIdentifier(shared, network.config.tokens, model.languages)
    except ValueError as error:
        raise CheckpointError(f"{model.directory}: {error}") from error


def _speech_translator(
    network: "OwsmCtc | OnnxOwsmCtc", shared: "AcousticModel", model: "Model", target_lang: str
) -> "Decoder":
    from app.models.registry import SPEECH_TRANSLATOR, TRANSLATORS, RegistryError
    from engine.acoustics import LANG_TOKENS, BestPathDecoder

    task = f"<st_{LANG_TOKENS.get(target_lang, target_lang)}>"
    tasks = network.vocabulary.tasks
    if task not in tasks:
        raise RegistryError(
            f"--translator {SPEECH_TRANSLATOR}: {model.directory.name} was not trained to "
            f"translate speech to {target_lang!r} ({task}); its tasks are {', '.join(tasks)}. "
            f"There is --translator {', '.join(TRANSLATORS)}"
        )
    return BestPathDecoder(shared, network.config.tokens, task=task)
