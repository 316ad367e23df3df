"""The shipped models and the shipped recording, for tests that listen to real speech."""

from functools import cache

import numpy as np

from app.config import Settings
from app.models.recognition import Ear, load_ear
from app.models.registry import ASSETS, Registry, load_translator
from app.sources.decoding import SoundFile
from engine.audio import SAMPLE_RATE_HZ, Samples
from engine.recognizer import StreamingRecognizer
from engine.translator import Translator

_QUIET = 0.003  # root mean square of a frame without speech in the shipped recording
_FRAME = SAMPLE_RATE_HZ // 100
_LONGEST_GAP_FRAMES = 8  # between two words that are spoken in one breath


@cache
def translator() -> Translator:
    """The one that a run takes, from English into German."""
    model = Registry().find_translator(Settings().run.translator, "en", "de")
    return load_translator(model, device="cpu")


@cache
def _ear() -> Ear:
    return load_ear(Registry().find_recognizer("en"), "cpu", Settings())


def recognizer() -> StreamingRecognizer:
    """A fresh stream of English."""
    return _ear().listen()


@cache
def demo() -> Samples:
    """69.5 s of sentences that are read aloud, with pauses."""
    with SoundFile(ASSETS / "demo.opus") as file:
        samples = file.read(SAMPLE_RATE_HZ)
        blocks = [samples]
        while len(samples):
            samples = file.read(SAMPLE_RATE_HZ)
            blocks.append(samples)
    return np.concatenate(blocks)


def without_pauses(sound: Samples, seconds: float) -> Samples:
    """Speech in one breath: pauses cut down to what lies between words; repeated as needed."""
    frames = sound[: len(sound) // _FRAME * _FRAME].reshape(-1, _FRAME)
    kept, n_quiet = [], 0
    for frame in frames:
        n_quiet = n_quiet + 1 if np.sqrt(np.mean(frame**2)) < _QUIET else 0
        if n_quiet <= _LONGEST_GAP_FRAMES:
            kept.append(frame)
    return np.resize(np.concatenate(kept), round(seconds * SAMPLE_RATE_HZ))
