"""The recogniser that a run and an evaluation share: a network, a way to search, a stream."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.config import Settings
    from app.registry import Model
    from engine.acoustics import Decoder
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
) -> "Decoder":
    """The beam search with a language model or hot words, or the best path without either.

    Raises:
        CheckpointError: the language model is of another recogniser.
        HotWordsError: the recogniser cannot write a hot word.
    """
    from app.hot_words import encode_hot_words
    from engine.acoustics import BestPathDecoder
    from engine.beam_decoder import BeamDecoder
    from models.ngram import NgramBias
    from models.owsm_ctc.decoding import Bias, SumOfBiases, WantedWords

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
        return BestPathDecoder(network, tokens)
    return BeamDecoder(
        network, tokens, bias=biases[0] if len(biases) == 1 else SumOfBiases(*biases)
    )


def make_recognizer(decoder: "Decoder", lang: str, settings: "Settings") -> "StreamingRecognizer":
    """A recogniser for one stream; the decoder may be that of other streams too."""
    from engine.recognizer import StreamingRecognizer
    from engine.vad import SileroModel, VoiceDetector

    detector = VoiceDetector(SileroModel(), settings.vad)
    return StreamingRecognizer(decoder, detector, lang=lang, config=settings.recognizer)


def load_decoder(model: "Model", device: str, settings: "Settings") -> "Decoder":
    """Load what streams share: the network, and its language model unless the settings say no.

    Raises:
        CheckpointError: a file of it is missing, damaged, or of another model.
        HotWordsError: the file of hot words is unusable.
    """
    from app.hot_words import read_hot_words
    from app.registry import load_language_model, load_recognizer

    network = load_recognizer(model, device=device, backend=settings.run.backend)
    config = settings.recognizer
    language_model = load_language_model(model) if config.language_model else None
    path = settings.run.hot_words
    hot_words = read_hot_words(path) if path else ()
    return make_decoder(network, language_model, config, hot_words)


def load_stream(model: "Model", device: str, settings: "Settings") -> "StreamingRecognizer":
    """Load a recogniser for one stream; errors are those of `load_decoder`."""
    return make_recognizer(load_decoder(model, device, settings), model.source_lang, settings)
