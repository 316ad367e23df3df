"""Noise: mixed into recordings that are recognised, or heard alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.sources.decoding import SoundFile
from engine.audio import SAMPLE_RATE_HZ, Samples

_ENDINGS = frozenset((".opus", ".ogg", ".wav", ".flac", ".mp3", ".m4a", ".webm"))
_LONGEST_S = 60.0  # read of a clip


class NoiseError(ValueError):
    """A folder has no noise in it."""


def find_clips(directory: Path) -> list[Path]:
    """The audio files of a folder and its subfolders, in the order of their names.

    Raises:
        NoiseError: there are none.
    """
    clips = sorted(path for path in directory.rglob("*") if path.suffix.lower() in _ENDINGS)
    if not clips:
        raise NoiseError(f"{directory}: has no audio files")
    return clips


def read_clip(path: Path) -> Samples:
    """The first minute of a clip at 16 kHz."""
    with SoundFile(path) as file:
        return file.read(round(_LONGEST_S * SAMPLE_RATE_HZ))


class NoiseMixer:
    """Puts noise under recordings: another clip under each, the same ones in every run."""

    def __init__(self, clips: Sequence[Path], snr_db: float) -> None:
        """Mix at a ratio of the recording's mean power to that of the noise, in decibels."""
        self._clips = clips
        self._snr_db = snr_db
        self._n_mixed = 0

    def mix(self, samples: Samples) -> Samples:
        """The recording with noise from its first to its last sample."""
        # A step that shares no factor with most numbers of clips: neighbours are often alike.
        path = self._clips[self._n_mixed * 7919 % len(self._clips)]
        self._n_mixed += 1
        noise = np.resize(read_clip(path), len(samples))  # repeated as often as it takes
        power, noise_power = float(np.mean(samples**2)), float(np.mean(noise**2))
        if not power or not noise_power:
            return samples
        gain = (power / noise_power / 10 ** (self._snr_db / 10)) ** 0.5
        mixed: Samples = samples + np.float32(gain) * noise
        return mixed
