"""Changes to training audio that keep its words: speed, rooms, noise, bandwidth, level, silence.

Waveforms are changed in numpy, one utterance at a time; room and bandwidth share one FFT. The
feature masks (SpecAugment, Park et al. 2019) are in torch, for a whole batch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import Tensor

from models.training.speech_pack import RATE_HZ, PackedUtterance, Samples, SpeechPack

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationConfig:
    """How often and how strongly audio is changed.

    Attributes:
        speed, room, noise, telephone, silence, gain: probabilities of the changes.
        speed_range: factors of speed; pitch moves along.
        snr_db: signal-to-noise ratio of the noise added.
        hiss: of the noise added, the part that is synthetic hiss instead of a recording.
        decay_s: reverberation times (60 dB) of the simulated rooms.
        silence_s: longest silence put in front and behind.
        gain_db: change of level.
        frequency_masks, frequency_mask_bands: how many, and the widest, in mel bands.
        time_masks_per_s, time_mask_s: how many per second of audio, and the longest.
    """

    speed: float = 0.6
    speed_range: tuple[float, float] = (0.9, 1.1)
    room: float = 0.35
    decay_s: tuple[float, float] = (0.08, 0.6)
    noise: float = 0.45
    snr_db: tuple[float, float] = (5.0, 30.0)
    hiss: float = 0.3
    telephone: float = 0.12
    silence: float = 0.4
    silence_s: float = 0.7
    gain: float = 0.8
    gain_db: tuple[float, float] = (-18.0, 4.0)
    frequency_masks: int = 2
    frequency_mask_bands: int = 14
    time_masks_per_s: float = 0.5
    time_mask_s: float = 0.3

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: a probability is outside 0 to 1, or a range is reversed.
        """
        for name in ("speed", "room", "noise", "hiss", "telephone", "silence", "gain"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"augmentation: {name} = {value!r}; it must be from 0 to 1")
        for name in ("speed_range", "decay_s", "snr_db", "gain_db"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"augmentation: {name} = {(low, high)!r}; it must ascend")


NO_AUGMENTATION = AugmentationConfig(
    speed=0.0,
    room=0.0,
    noise=0.0,
    telephone=0.0,
    silence=0.0,
    gain=0.0,
    frequency_masks=0,
    time_masks_per_s=0.0,
)


class Augmenter:
    """Changes waveforms at random; the same generator state gives the same result.

    Args:
        config: probabilities and ranges.
        noise: a pack of recordings without speech; only its split `train` is used.
    """

    def __init__(self, config: AugmentationConfig, noise: SpeechPack | None = None) -> None:
        self.config = config
        self._noise = noise
        self._clips: Sequence[PackedUtterance] = (
            [row for row in noise if row.split == "train"] if noise else []
        )

    def __call__(self, samples: Samples, dice: np.random.Generator) -> Audio:
        """Return the changed utterance, float in -1 … 1, (samples,); its length may differ."""
        config = self.config
        audio = samples.astype(np.float32) * np.float32(1 / 32768)
        if dice.random() < config.speed:
            audio = change_speed(audio, dice.uniform(*config.speed_range))
        if dice.random() < config.silence:
            audio = self._with_silence(audio, dice)
        has_room, has_band = dice.random() < config.room, dice.random() < config.telephone
        if has_room or has_band:
            audio = self._through_room_and_line(audio, dice, has_room, has_band)
        if dice.random() < config.noise:
            audio = add_at_snr(audio, self.noise(len(audio), dice), dice.uniform(*config.snr_db))
        if dice.random() < config.gain:
            audio = audio * np.float32(10 ** (dice.uniform(*config.gain_db) / 20))
        return np.clip(audio, -1.0, 1.0, out=audio)

    def noise(self, n_samples: int, dice: np.random.Generator) -> Audio:
        """Return so many samples of a noise recording (repeated if it is short) or of hiss."""
        if not self._clips or self._noise is None or dice.random() < self.config.hiss:
            return dice.standard_normal(n_samples, dtype=np.float32) * np.float32(0.1)
        clip = self._noise.samples(self._clips[int(dice.integers(len(self._clips)))])
        start = int(dice.integers(len(clip)))
        repeats = -(-(start + n_samples) // len(clip))
        tiled = np.tile(clip, repeats) if repeats > 1 else clip
        return tiled[start : start + n_samples].astype(np.float32) * np.float32(1 / 32768)

    def _with_silence(self, audio: Audio, dice: np.random.Generator) -> Audio:
        longest = int(self.config.silence_s * RATE_HZ)
        before, after = dice.integers(0, longest + 1, 2)
        return np.pad(audio, (int(before), int(after)))

    def _through_room_and_line(
        self, audio: Audio, dice: np.random.Generator, has_room: bool, has_band: bool
    ) -> Audio:
        response: Audio = np.ones(1, np.float32)
        if has_room:
            response = room_response(dice, dice.uniform(*self.config.decay_s))
        n_fft = fast_length(len(audio) + len(response) - 1)
        spectrum = np.fft.rfft(audio, n_fft)
        if has_room:
            spectrum *= np.fft.rfft(response, n_fft)
        if has_band:
            edges_hz = dice.uniform(80, 350), dice.uniform(3000, 4000)
            spectrum *= _band(len(spectrum), *edges_hz)
        changed = np.fft.irfft(spectrum, n_fft)[: len(audio)]
        return np.ascontiguousarray(changed, dtype=np.float32)


def change_speed(audio: Audio, factor: float) -> Audio:
    """Play audio `factor` times as fast; pitch moves along."""
    changed: Audio = soxr.resample(audio, RATE_HZ * factor, RATE_HZ, quality="QQ")
    return changed


def room_response(dice: np.random.Generator, decay_s: float) -> Audio:
    """Return a random impulse response: the direct path, then noise that decays exponentially.

    Args:
        dice: where the randomness comes from.
        decay_s: time in which the reverberation falls by 60 dB.

    Returns:
        (samples,), of unit energy, beginning with the direct path.
    """
    n_samples = max(2, int(decay_s * RATE_HZ))
    time = np.arange(n_samples, dtype=np.float32) / RATE_HZ
    tail = dice.standard_normal(n_samples, dtype=np.float32)
    tail *= np.exp(np.float32(-math.log(1000) / decay_s) * time)  # 60 dB is a factor of 1000
    tail[: int(dice.uniform(0.001, 0.01) * RATE_HZ)] = 0.0  # the first reflection comes later
    energy = float(np.sqrt(np.sum(tail**2))) or 1.0
    direct_to_tail = 10 ** (dice.uniform(0.0, 12.0) / 20)
    response = tail / np.float32(energy * direct_to_tail)
    response[0] = 1.0
    unit: Audio = response / np.sqrt(np.sum(response**2))
    return unit


def add_at_snr(audio: Audio, noise: Audio, snr_db: float) -> Audio:
    """Return audio plus noise scaled to a ratio of powers; silence on either side adds nothing."""
    speech_power, noise_power = float(np.dot(audio, audio)), float(np.dot(noise, noise))
    if speech_power <= 0.0 or noise_power <= 0.0:
        return audio
    scale = math.sqrt(speech_power / noise_power / 10 ** (snr_db / 10))
    return audio + noise * np.float32(scale)


def _band(n_bins: int, low_hz: float, high_hz: float) -> Audio:
    """Return a band-pass over the bins of an FFT up to half the rate, with soft edges."""
    hz = np.linspace(0.0, RATE_HZ / 2, n_bins, dtype=np.float32)
    low = np.clip((hz - low_hz * 0.5) / (low_hz * 0.5), 0.01, 1.0)
    high = np.clip((high_hz * 1.15 - hz) / (high_hz * 0.15), 0.003, 1.0)
    band: Audio = low * high
    return band


@lru_cache(maxsize=4096)
def _fast_length(n: int) -> int:
    best = 1 << (n - 1).bit_length()
    for fives in range(4):
        for threes in range(6):
            odd = 5**fives * 3**threes
            power = max(0, (-(-n // odd) - 1).bit_length())
            best = min(best, odd << power)
    return best


def fast_length(n: int) -> int:
    """Return a length of at least `n` that an FFT handles fast (small prime factors)."""
    return _fast_length(-(-n // 256) * 256)


def mask_features(
    features: Tensor,
    lengths: Tensor,
    config: AugmentationConfig,
    generator: torch.Generator,
    *,
    frame_s: float = 0.01,
) -> Tensor:
    """Return features with random bands and spans of time set to zero, which is their mean.

    Args:
        features: (batch, frames, bands), normalised.
        lengths: (batch,) frames of each row.
        config: how many masks, and how wide.
        generator: where the randomness comes from.
        frame_s: time between frames.
    """
    batch, n_frames, n_bands = features.shape
    keep = torch.ones(batch, n_frames, n_bands, dtype=torch.bool)
    if config.frequency_masks > 0:
        bands = torch.arange(n_bands)
        shape = (batch, config.frequency_masks, 1)
        width = torch.rand(shape, generator=generator) * config.frequency_mask_bands
        start = torch.rand(shape, generator=generator) * (n_bands - width)
        masked = ((bands >= start) & (bands < start + width)).any(1)  # (batch, bands)
        keep &= ~masked[:, None, :]
    most = math.ceil(config.time_masks_per_s * n_frames * frame_s)
    if most > 0:
        frames = torch.arange(n_frames)
        n_masks = (lengths.cpu() * frame_s * config.time_masks_per_s).ceil()  # (batch,)
        shape = (batch, most, 1)
        width = torch.rand(shape, generator=generator) * (config.time_mask_s / frame_s)
        start = torch.rand(shape, generator=generator) * (lengths.cpu()[:, None, None] - width)
        used = torch.arange(most)[None, :, None] < n_masks[:, None, None]
        masked = ((frames >= start) & (frames < start + width) & used).any(1)  # (batch, frames)
        keep &= ~masked[:, :, None]
    return features * keep.to(features.device)
