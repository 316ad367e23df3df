"""The recogniser that a run and an evaluation share: a network, a way to search, a stream."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
) -> "Decoder":
    """The beam search with a language model, or the best path without one."""
    from engine.acoustics import BestPathDecoder
    from engine.beam_decoder import BeamDecoder
    from models.ngram import NgramBias

    tokens = network.config.tokens
    if language_model is None:
        return BestPathDecoder(network, tokens)
    bias = NgramBias(language_model, tokens, weight=config.lm_weight, bonus=config.lm_bonus)
    return BeamDecoder(network, tokens, bias=bias)


def make_recognizer(decoder: "Decoder", lang: str, settings: "Settings") -> "StreamingRecognizer":
    """A recogniser for one stream; the decoder may be that of other streams too."""
    from engine.recognizer import StreamingRecognizer
    from engine.vad import SileroModel, VoiceDetector

    detector = VoiceDetector(SileroModel(), settings.vad)
    return StreamingRecognizer(decoder, detector, lang=lang, config=settings.recognizer)


def load_decoder(model: "Model", device: str, settings: "Settings") -> "Decoder":
    """Load what streams share: the network, and its language model unless the settings say no."""
    from app.registry import load_language_model, load_recognizer

    network = load_recognizer(model, device=device, backend=settings.run.backend)
    config = settings.recognizer
    language_model = load_language_model(model) if config.language_model else None
    return make_decoder(network, language_model, config)


def load_stream(model: "Model", device: str, settings: "Settings") -> "StreamingRecognizer":
    """Load a recogniser for one stream."""
    return make_recognizer(load_decoder(model, device, settings), model.source_lang, settings)
