"""Where speech starts and ends: silero-vad's network, and the decision on its probabilities.

The decision (`SpeechGate`) is pure: probabilities in, events out. The network is the 16 kHz ONNX
file that the silero-vad package bundles, run by ONNX Runtime on one thread; the package itself is
not imported, since that would load torch.
"""

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.audio import SAMPLE_RATE_HZ, Samples
from models.onnx_runtime import onnxruntime

FRAME_SAMPLES = 512
"""Samples of a frame: 32 ms at 16 kHz."""

_LONGEST_CANDIDATE = 2 * SAMPLE_RATE_HZ  # how far back speech starts once it is sure
_CONTEXT_SAMPLES = 64  # end of the previous frame, which the network reads in front of a frame
_STATE_SHAPE = (1, 1, 128)
_MODEL_FILE = "silero_vad_16k_sequence.onnx"
_ONLY_ERRORS = 3  # ONNX Runtime's log level: the bundled graph has unused initializers


class VadError(ValueError):
    """The bundled network is missing, or a setting is out of range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VadConfig:
    """When speech counts as started and as ended.

    Raises:
        VadError: a value out of its range.
    """

    start_threshold: float = 0.5
    """Probability from which a frame may start speech, 0 to 1."""
    stop_threshold: float = 0.35
    """Probability below which a frame is silence once speech runs; at most `start_threshold`."""
    sure_threshold: float = 0.9
    """Probability that `min_speech_s` of the frames which start speech must reach. A syllable does,
    even one no louder than the noise around it; barks, machines and most sneezes do not."""
    sure_s: float = 0.5
    """So much that reaches `sure_threshold` is certainly speech: no noise measured went on for so
    long."""
    min_speech_s: float = 0.096
    """Speech shorter than this (3 frames) is taken for a click."""
    min_silence_s: float = 0.6
    """Silence that ends speech."""
    padding_s: float = 0.3
    """Added in front of speech, so that a soft first sound is not lost."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        thresholds = (0.0, self.stop_threshold, self.start_threshold, self.sure_threshold, 1.0)
        if list(thresholds) != sorted(thresholds):
            raise VadError(
                f"VAD thresholds stop {self.stop_threshold}, start {self.start_threshold} and sure "
                f"{self.sure_threshold}: expected 0 <= stop <= start <= sure <= 1"
            )
        for name in ("min_speech_s", "sure_s", "min_silence_s", "padding_s"):
            value = getattr(self, name)
            if not 0.0 <= value <= 10.0:
                raise VadError(f"VAD {name} is {value}; expected 0 to 10 seconds")


@dataclass(frozen=True, slots=True)
class SpeechEvent:
    """Speech started, was long enough to be sure of, or ended."""

    kind: Literal["start", "sure", "end"]
    position: int
    """Sample where the speech starts (with padding) or ended (without)."""
    noticed: int
    """Sample position at which this became known."""
    onset: int | None = None
    """Of a start: the sample from which on speech was heard, without the padding."""


class SpeechModel(Protocol):
    """Gives the probability of speech, frame by frame of one stream."""

    def probabilities(self, frames: Samples) -> NDArray[np.float32]:
        """Probabilities (n,) of the next frames of the stream, (n, `FRAME_SAMPLES`)."""
        ...


class SpeechDetector(Protocol):
    """What the recogniser needs of voice activity detection."""

    def feed(self, samples: Samples) -> list[SpeechEvent]:
        """Take the next samples; give the events that they bring, in order."""
        ...

    @property
    def position(self) -> int:
        """Samples decided upon so far."""
        ...

    @property
    def keep_from(self) -> int:
        """Oldest position that a later start event may still name."""
        ...


class SpeechGate:
    """Turns frame probabilities into start and end events, with hysteresis."""

    def __init__(self, config: VadConfig) -> None:
        """Start in silence, at sample 0."""
        self._min_speech = round(config.min_speech_s * SAMPLE_RATE_HZ)
        self._sure = round(config.sure_s * SAMPLE_RATE_HZ)
        self._min_silence = round(config.min_silence_s * SAMPLE_RATE_HZ)
        self._padding = round(config.padding_s * SAMPLE_RATE_HZ)
        self._config = config
        self._speaking = False
        self._candidate: int | None = None  # where what may become speech started
        self._n_sure = 0  # samples of it, and of the speech it became, that are surely speech
        self._told_sure = False
        self._voiced_until = 0  # end of the last frame that was speech
        self.position = 0
        """Samples decided upon so far."""

    @property
    def keep_from(self) -> int:
        """Oldest position that a later start event may still name."""
        candidate = self.position if self._candidate is None else self._candidate
        return max(candidate - self._padding, 0)

    def feed(self, probabilities: Iterable[float]) -> list[SpeechEvent]:
        """Take the next frames' probabilities."""
        events = []
        for probability in probabilities:
            start = self.position
            self.position += FRAME_SAMPLES
            event = (
                self._in_speech(probability)
                if self._speaking
                else self._in_silence(probability, start)
            )
            if event is not None:
                events.append(event)
        return events

    def _in_silence(self, probability: float, frame_start: int) -> SpeechEvent | None:
        threshold = (
            self._config.start_threshold if self._candidate is None else self._config.stop_threshold
        )
        if probability < threshold:
            self._candidate = None
            return None
        if self._candidate is None:
            self._candidate, self._n_sure = frame_start, 0
        self._candidate = max(self._candidate, self.position - _LONGEST_CANDIDATE)
        self._voiced_until = self.position
        if probability >= self._config.sure_threshold:
            self._n_sure += FRAME_SAMPLES
        if self._n_sure < self._min_speech:
            return None
        onset, self._candidate = self._candidate, None
        self._speaking, self._told_sure = True, False
        return SpeechEvent("start", max(onset - self._padding, 0), self.position, onset)

    def _in_speech(self, probability: float) -> SpeechEvent | None:
        if probability >= self._config.stop_threshold:
            self._voiced_until = self.position
            if probability >= self._config.sure_threshold:
                self._n_sure += FRAME_SAMPLES
            if self._told_sure or self._n_sure < self._sure:
                return None
            self._told_sure = True
            return SpeechEvent("sure", self.position, self.position)
        if self.position - self._voiced_until < self._min_silence:
            return None
        self._speaking = False
        return SpeechEvent("end", self._voiced_until, self.position)


class VoiceDetector:
    """A `SpeechDetector`: a network and a gate over one stream of samples."""

    def __init__(self, model: SpeechModel, config: VadConfig | None = None) -> None:
        """Start a stream; `model` must be fresh."""
        self._model = model
        self._gate = SpeechGate(config or VadConfig())
        self._rest: Samples = np.zeros(0, np.float32)

    @property
    def position(self) -> int:
        """Samples decided upon so far: whole frames."""
        return self._gate.position

    @property
    def keep_from(self) -> int:
        """Oldest position that a later start event may still name."""
        return self._gate.keep_from

    def feed(self, samples: Samples) -> list[SpeechEvent]:
        """Take the next samples; give the events that they bring, in order."""
        samples = np.concatenate((self._rest, samples))
        n_frames = len(samples) // FRAME_SAMPLES
        used = n_frames * FRAME_SAMPLES
        self._rest = samples[used:]
        if not n_frames:
            return []
        frames = samples[:used].reshape(n_frames, FRAME_SAMPLES)
        return self._gate.feed(self._model.probabilities(frames).tolist())


class SileroModel:
    """silero-vad's network over one stream; 0.1 ms a frame on one thread."""

    def __init__(self) -> None:
        """Load the network.

        Raises:
            VadError: the silero-vad package, or its network, is not there.
        """
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = 1
        options.log_severity_level = _ONLY_ERRORS
        self._session = onnxruntime.InferenceSession(
            _bundled_model(), options, providers=["CPUExecutionProvider"]
        )
        self._h = np.zeros(_STATE_SHAPE, np.float32)
        self._c = np.zeros(_STATE_SHAPE, np.float32)
        self._context = np.zeros(_CONTEXT_SAMPLES, np.float32)

    def probabilities(self, frames: Samples) -> NDArray[np.float32]:
        """Probabilities (n,) of the next frames of the stream, (n, `FRAME_SAMPLES`)."""
        contexts = np.concatenate((self._context[None], frames[:-1, -_CONTEXT_SAMPLES:]))
        self._context = frames[-1, -_CONTEXT_SAMPLES:].copy()
        inputs = {
            "input": np.concatenate((contexts, frames), axis=1),  # (n, 64 + 512)
            "h": self._h,
            "c": self._c,
        }
        probabilities: NDArray[np.float32]
        probabilities, self._h, self._c = self._session.run(None, inputs)
        return probabilities


def _bundled_model() -> Path:
    spec = importlib.util.find_spec("silero_vad")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "data" / _MODEL_FILE
        if path.is_file():
            return path
    raise VadError(
        f"the voice detector's network {_MODEL_FILE} is missing: pip install 'silero-vad>=6.2.3'"
    )
