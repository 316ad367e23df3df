"""A language of tones: words that a test can speak, and a network that recognises them.

Each token is a tone of 160 ms. The network looks at every 80 ms frame of whatever window it is
given, so that cutting the sound elsewhere really changes what it sees, as with speech. Like a
real one it is unsure of what it has heard only just now: near the end of its sound it takes
words for others.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from engine.audio import SAMPLE_RATE_HZ, Samples
from engine.vad import FRAME_SAMPLES as VAD_SAMPLES
from engine.vad import SpeechEvent, VadConfig, VoiceDetector

PIECES = (
    "<blank>", "<unk>", "<nolang>", "<eng>", "<asr>",
    "▁we", "▁have", "▁to", "▁go", "▁home", "▁now", "▁the", "▁old", "▁ship", "▁sail", "ing", "ed",
)  # fmt: skip
FIRST_TONE = PIECES.index("▁we")
WORDS = ("we", "have", "to", "go", "home", "now", "the", "old", "ship", "sailing", "sailed")

_TOKEN_S = 0.16
_GAP_S = 0.2  # always holds a whole silent frame
_FRAME = 1280
_AUDIBLE = 0.15  # a frame that holds less than a quarter of a tone is silent
_LOUD = 0.02


def speak(text: str, *, gap_s: float = _GAP_S) -> Samples:
    """The sound of words, with `gap_s` of silence behind each."""
    parts = []
    for word in text.split():
        for token in _tokens(word):
            parts.append(_tone(token))
        parts.append(silence(gap_s))
    return np.concatenate(parts) if parts else silence(0)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)


def _tokens(word: str) -> list[int]:
    if f"▁{word}" in PIECES:
        return [PIECES.index(f"▁{word}")]
    for ending in ("ing", "ed"):
        if word.endswith(ending):
            return [PIECES.index(f"▁{word.removesuffix(ending)}"), PIECES.index(ending)]
    raise ValueError(f"{word!r} is not a word of the tones")


def _frequency(token: int) -> float:
    return 400.0 + 200.0 * (token - FIRST_TONE)


def _tone(token: int) -> Samples:
    times = np.arange(round(_TOKEN_S * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (0.4 * np.sin(2 * np.pi * _frequency(token) * times)).astype(np.float32)


class ToneModel:
    """An `AcousticModel` of the tones, with two frames in front as OWSM-CTC has them."""

    def __init__(self, n_unsure: int = 3) -> None:
        self.n_unsure = n_unsure
        self.window_lengths: list[int] = []
        self.langs: list[str] = []

    def log_probs(
        self,
        audio: Sequence[Samples],
        *,
        lang: Sequence[str],
        task: Sequence[str],
        prompt: Sequence[str | None],
    ) -> tuple[Tensor, Tensor]:
        (samples,) = audio
        self.window_lengths.append(len(samples))
        self.langs.extend(lang)
        n_frames = len(samples) // _FRAME
        frames = samples[: n_frames * _FRAME].reshape(n_frames, _FRAME)
        best = np.zeros(n_frames + 2, np.int64)
        best[:2] = PIECES.index("<eng>"), PIECES.index("<asr>")
        best[2:] = self._hear(frames)
        probabilities = np.full((1, n_frames + 2, len(PIECES)), 0.1 / (len(PIECES) - 1))
        probabilities[0, np.arange(n_frames + 2), best] = 0.9
        return torch.from_numpy(np.log(probabilities)), torch.tensor([n_frames + 2])

    def _hear(self, frames: Samples) -> np.ndarray:
        spectrum = np.abs(np.fft.rfft(frames * np.hanning(_FRAME)))
        loudest_hz: np.ndarray = spectrum.argmax(axis=1) * SAMPLE_RATE_HZ / _FRAME
        tokens = np.rint((loudest_hz - 400.0) / 200.0).astype(np.int64) + FIRST_TONE
        tokens = np.clip(tokens, FIRST_TONE, len(PIECES) - 1)
        audible = np.sqrt((frames**2).mean(axis=1)) > _AUDIBLE
        tokens[~audible] = 0
        unsure = np.arange(len(frames)) >= len(frames) - self.n_unsure
        tokens[audible & unsure] = PIECES.index("▁old") - len(frames) % 3
        return tokens


class LoudnessModel:
    """A `SpeechModel` for which whatever is loud is speech."""

    def probabilities(self, frames: Samples) -> np.ndarray:
        assert frames.shape[1] == VAD_SAMPLES
        loud = np.sqrt((frames**2).mean(axis=1)) > _LOUD
        return np.where(loud, 0.95, 0.02).astype(np.float32)


def loudness_detector(config: VadConfig | None = None) -> VoiceDetector:
    return VoiceDetector(LoudnessModel(), config)


class AlwaysSpeech:
    """A `SpeechDetector` that hears speech from the first sample on, as in loud music."""

    def __init__(self) -> None:
        self.position = 0

    @property
    def keep_from(self) -> int:
        return self.position

    def feed(self, samples: Samples) -> list[SpeechEvent]:
        starts = self.position == 0 and len(samples) > 0
        self.position += len(samples)
        return [SpeechEvent("start", 0, 0)] if starts else []
