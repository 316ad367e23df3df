"""The recogniser that a run and an evaluation share: a network, a way to search, a stream."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.config import Settings
    from app.registry import Model
    from engine.acoustics import Decoder
    from engine.recognizer import StreamingRecognizer
    from models.ngram import NgramModel
    from models.owsm_ctc.model import OwsmCtc


def make_decoder(network: "OwsmCtc", language_model: "NgramModel | None") -> "Decoder":
    """The beam search with a language model, or the best path without one."""
    from engine.acoustics import BestPathDecoder
    from engine.beam_decoder import BeamDecoder
    from models.ngram import NgramBias

    tokens = network.config.tokens
    if language_model is None:
        return BestPathDecoder(network, tokens)
    return BeamDecoder(network, tokens, bias=NgramBias(language_model, tokens))


def make_recognizer(decoder: "Decoder", lang: str, settings: "Settings") -> "StreamingRecognizer":
    """A recogniser for one stream; the decoder may be that of other streams too."""
    from engine.recognizer import StreamingRecognizer
    from engine.vad import SileroModel, VoiceDetector

    detector = VoiceDetector(SileroModel(), settings.vad)
    return StreamingRecognizer(decoder, detector, lang=lang, config=settings.recognizer)


def load_stream(model: "Model", device: str, settings: "Settings") -> "StreamingRecognizer":
    """Load a recogniser for one stream, with its language model unless the settings say no."""
    from app.registry import load_language_model, load_recognizer

    network = load_recognizer(model, device=device)
    wanted = settings.recognizer.language_model
    decoder = make_decoder(network, load_language_model(model) if wanted else None)
    return make_recognizer(decoder, model.source_lang, settings)
