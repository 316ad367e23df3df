"""Two hours of sound through the recogniser, as fast as the machine can: memory and silence.

`SOAK_MINUTES=120 make soak` takes the two hours of the requirement; less by default.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.config import Settings
from app.models.recognition import load_stream
from app.models.registry import ASSETS, Registry
from app.sources.decoding import SoundFile
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, Samples
from engine.recognizer import StreamingRecognizer

MINUTES = float(os.environ.get("SOAK_MINUTES", "20"))
ALLOWED_MB = 20.0
WARM_UP_S = 300.0  # caches fill (that of the language model has 8 MB), the allocator settles
_CHUNK = SAMPLE_RATE_HZ // 10


@pytest.fixture
def recognizer() -> StreamingRecognizer:
    return load_stream(Registry().find_recognizer("en"), "cpu", Settings())


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def chunks(sounds: Iterator[Samples], seconds: float) -> Iterator[AudioChunk]:
    position = 0
    for sound in sounds:
        for start in range(0, len(sound), _CHUNK):
            chunk = sound[start : start + _CHUNK]
            yield AudioChunk(chunk, position / SAMPLE_RATE_HZ)
            position += len(chunk)
        if position >= seconds * SAMPLE_RATE_HZ:
            return


def talk() -> Iterator[Samples]:
    """The shipped recording again and again, at another loudness and after another pause."""
    with SoundFile(ASSETS / "demo.opus") as file:
        spoken = file.read(60 * SAMPLE_RATE_HZ)
    dice = np.random.default_rng(0)
    while True:
        yield spoken * np.float32(dice.uniform(0.2, 1.0))
        n_pause = int(dice.uniform(0.2, 8.0) * SAMPLE_RATE_HZ)
        yield (dice.normal(size=n_pause) * 1e-3).astype(np.float32)


def test_memory_is_flat_over_a_long_stream(recognizer: StreamingRecognizer) -> None:
    before_mb, n_finals = None, 0
    highest_mb = 0.0
    for chunk in chunks(talk(), 60 * MINUTES):
        n_finals += sum(prefix.finished for prefix in recognizer.accept(chunk))
        if chunk.start_s < WARM_UP_S:
            continue
        highest_mb = max(highest_mb, resident_mb())
        before_mb = before_mb or highest_mb
    assert before_mb is not None
    print(f"\n{MINUTES:.0f} minutes: {n_finals} segments, {highest_mb - before_mb:+.1f} MB")
    assert n_finals > MINUTES
    assert highest_mb - before_mb <= ALLOWED_MB


def music(seconds: float) -> Samples:
    """Chords that follow one another, with a beat, overtones and a little vibrato."""
    dice = np.random.default_rng(3)
    parts = []
    for _ in range(round(seconds / 0.5)):
        times = np.arange(SAMPLE_RATE_HZ // 2) / SAMPLE_RATE_HZ
        root = 220.0 * 2 ** (dice.choice([0, 2, 3, 5, 7, 8, 10]) / 12)
        chord = np.zeros(len(times))
        for third in (0, 4, 7, 12):
            hz = root * 2 ** (third / 12)
            phase = 2 * np.pi * hz * times + 0.3 * np.sin(2 * np.pi * 5.5 * times)
            chord += sum(np.sin(k * phase) / k**1.5 for k in range(1, 6))
        beat = dice.normal(size=len(times)) * np.exp(-times * 30)
        parts.append(0.05 * chord * np.exp(-times * 2) + 0.1 * beat)
    return np.concatenate(parts).astype(np.float32)


def noise(seconds: float) -> Samples:
    """Steps between white, pink and brown noise, from a whisper to a roar."""
    dice = np.random.default_rng(5)
    parts = []
    for _, slope in zip(range(round(seconds / 5)), itertools.cycle((0.0, 0.5, 1.0)), strict=False):
        spectrum = np.fft.rfft(dice.normal(size=5 * SAMPLE_RATE_HZ))
        spectrum /= np.maximum(np.arange(len(spectrum)), 1.0) ** slope
        sound = np.fft.irfft(spectrum)
        parts.append(sound / np.abs(sound).max() * 10 ** dice.uniform(-3, -0.1))
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.parametrize("kind", ["silence", "noise", "music"])
def test_ten_minutes_in_which_nobody_speaks_have_no_word(
    recognizer: StreamingRecognizer, kind: str
) -> None:
    seconds = 600.0
    sounds: dict[str, Callable[[], Samples]] = {
        "silence": lambda: np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32),
        "noise": lambda: noise(seconds),
        "music": lambda: music(seconds),
    }
    prefixes = [
        prefix
        for chunk in chunks(iter([sounds[kind]()]), seconds)
        for prefix in recognizer.accept(chunk)
    ]
    prefixes += recognizer.finish()
    assert [prefix.text for prefix in prefixes if prefix.text] == []
