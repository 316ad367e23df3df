"""Sound as the engine takes it: 16 kHz, one channel, float32 in [-1, 1], in chunks.

`AudioNormalizer` makes that of what devices and files deliver (any rate, any number of channels,
samples that are not numbers); `SampleRing` keeps the last stretch of a stream under absolute
sample positions.
"""

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000

Samples = NDArray[np.float32]

_LOWEST_RATE_HZ = 1_000
_HIGHEST_RATE_HZ = 768_000
_FIRST_CAPACITY = SAMPLE_RATE_HZ


class AudioError(ValueError):
    """Audio of a shape, type or rate that the engine does not take."""


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """Some samples of a stream; zero samples are allowed.

    Raises:
        AudioError: the samples are not a one-dimensional float32 array.
    """

    samples: Samples
    """Shape (n,), 16 kHz, one channel."""
    start_s: float
    """Session time of the first sample, in seconds."""

    def __post_init__(self) -> None:
        """Check the shape and the type."""
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise AudioError(
                f"audio chunk has shape {self.samples.shape} and type {self.samples.dtype}; "
                "expected (n,) float32"
            )

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def end_s(self) -> float:
        """Session time after the last sample, in seconds."""
        return self.start_s + self.duration_s


def clean(samples: Samples) -> tuple[Samples, int]:
    """Replace what is not a number by 0 and clip the rest to [-1, 1].

    Returns:
        The samples (the same array when nothing had to be changed), and how many were not finite.
    """
    if not len(samples):
        return samples, 0
    peak = float(np.abs(samples).max())  # NaN if any sample is NaN
    if peak <= 1.0:
        return samples, 0
    if np.isfinite(peak):
        return np.clip(samples, -1.0, 1.0), 0
    invalid = ~np.isfinite(samples)
    cleaned = np.clip(np.where(invalid, np.float32(0.0), samples), -1.0, 1.0)
    return cleaned, int(invalid.sum())


def as_float(samples: NDArray[np.generic]) -> Samples:
    """Convert PCM of any usual sample type to float32, full scale to [-1, 1].

    Raises:
        AudioError: the type is not one of unsigned 8, signed 16, 32, 64 bit, or a float.
    """
    if samples.dtype == np.uint8:
        return ((samples.astype(np.float32) - 128.0) / 128.0).astype(np.float32)
    if samples.dtype.kind == "i":
        scale = np.float32(2.0 ** (8 * samples.dtype.itemsize - 1))
        return samples.astype(np.float32) / scale
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    raise AudioError(f"audio of sample type {samples.dtype} is not supported")


class AudioNormalizer:
    """Turns one stream's blocks into 16 kHz mono: clean, mix, resample, in this order."""

    def __init__(self, rate_hz: int) -> None:
        """Start a stream.

        Args:
            rate_hz: sampling rate of the blocks that will come.

        Raises:
            AudioError: a rate that no sound has.
        """
        if not _LOWEST_RATE_HZ <= rate_hz <= _HIGHEST_RATE_HZ:
            raise AudioError(
                f"sampling rate {rate_hz} Hz is outside {_LOWEST_RATE_HZ} to {_HIGHEST_RATE_HZ} Hz"
            )
        self.rate_hz = rate_hz
        self.n_invalid = 0
        """Samples so far that were NaN or infinite, and count as silence."""
        self._resampler = (
            None
            if rate_hz == SAMPLE_RATE_HZ
            else soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")
        )

    def feed(self, block: NDArray[np.generic]) -> Samples:
        """Take samples of shape (n,) or (n, channels); give those that are ready, (m,) at 16 kHz.

        Raises:
            AudioError: another shape, or a sample type that is not supported.
        """
        if block.ndim not in (1, 2):
            raise AudioError(f"audio block has shape {block.shape}; expected (n,) or (n, channels)")
        samples, n_invalid = clean(as_float(block.reshape(-1)))
        self.n_invalid += n_invalid
        if block.ndim == 2:
            samples = samples.reshape(block.shape).mean(axis=1, dtype=np.float32)
        return self._resample(samples, last=False)

    def flush(self) -> Samples:
        """The samples that the resampler still holds; the stream is over."""
        return self._resample(np.zeros(0, np.float32), last=True)

    def _resample(self, samples: Samples, *, last: bool) -> Samples:
        if self._resampler is None:
            return samples
        if not len(samples) and not last:
            return samples
        resampled: Samples = self._resampler.resample_chunk(samples, last=last)
        return clean(resampled)[0]  # the filter overshoots at clipped peaks


class SampleRing:
    """The last stretch of a stream, addressed by absolute sample position.

    The storage grows to what is kept and is reused from there on: memory stays flat however long
    the stream is.
    """

    def __init__(self) -> None:
        """Start empty at position 0."""
        self._storage: Samples = np.zeros(_FIRST_CAPACITY, np.float32)
        self._first = 0  # index in the storage
        self._length = 0
        self._start = 0

    @property
    def start(self) -> int:
        """Position of the oldest sample kept."""
        return self._start

    @property
    def end(self) -> int:
        """Position after the newest sample."""
        return self._start + self._length

    def append(self, samples: Samples) -> None:
        """Add samples at the end."""
        needed = self._length + len(samples)
        if needed > len(self._storage) - self._first:
            storage = self._storage
            if needed > len(storage):
                storage = np.zeros(2 * needed, np.float32)
            storage[: self._length] = self._storage[self._first : self._first + self._length]
            self._storage, self._first = storage, 0
        begin = self._first + self._length
        self._storage[begin : begin + len(samples)] = samples
        self._length = needed

    def read(self, start: int, end: int) -> Samples:
        """A copy of the samples from `start` to before `end`; both must be kept."""
        assert self.start <= start <= end <= self.end, (self.start, start, end, self.end)
        begin = self._first + start - self._start
        return self._storage[begin : begin + end - start].copy()

    def discard_before(self, position: int) -> None:
        """Forget the samples before `position` (all of them, if it lies after the end)."""
        n = min(max(position - self._start, 0), self._length)
        self._first += n
        self._start += n
        self._length -= n
