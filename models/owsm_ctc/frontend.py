"""Audio to normalised log-mel frames: 16 kHz samples in, one frame each 10 ms out."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.owsm_ctc.geometry import FFT_SAMPLES, HOP_SAMPLES, RATE_HZ, WINDOW_SAMPLES

POWER_FLOOR = 1e-10

# Slaney's mel scale: linear below 1 kHz (3 mel per 200 Hz), then 27 mel for each factor of 6.4.
_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL  # 15 mel
_LOG_STEP = math.log(6.4) / 27.0


def hz_to_mel(hz: float) -> float:
    """Return the Slaney mel value of a frequency in Hz."""
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return _BREAK_MEL + math.log(hz / _BREAK_HZ) / _LOG_STEP


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the frequencies in Hz of Slaney mel values."""
    above = _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    hz: NDArray[np.float64] = np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ_PER_MEL, above)
    return hz


def mel_matrix(
    n_mels: int, *, low_hz: float = 0.0, high_hz: float = RATE_HZ / 2
) -> NDArray[np.float32]:
    """Return the (FFT bins, n_mels) matrix of triangular filters, each of unit area in Hz.

    The edges are equally spaced in mel; `n_mels` triangles need `n_mels + 2` edges.
    """
    edges_hz = mel_to_hz(np.linspace(hz_to_mel(low_hz), hz_to_mel(high_hz), n_mels + 2))
    bins_hz = np.linspace(0.0, RATE_HZ / 2, FFT_SAMPLES // 2 + 1)
    left, centre, right = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (bins_hz[:, None] - left) / (centre - left)  # (bins, n_mels)
    falling = (right - bins_hz[:, None]) / (right - centre)  # (bins, n_mels)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (right - left))).astype(np.float32)


def frame_count(n_samples: int) -> int:
    """Return the number of feature frames of so many samples (centred windows)."""
    return n_samples // HOP_SAMPLES + 1


class LogMelFrontend(nn.Module):
    """Centred power spectrum, mel bands, natural logarithm, global mean and variance.

    The buffers `mean` and `std` (n_mels) are statistics of the log-mel values of the training
    data and are saved with the model. `mel` (FFT bins, n_mels) and `window` are constants; they
    are not saved, so that a model stored in half precision keeps exact filters.
    """

    mel: Tensor
    mean: Tensor
    std: Tensor
    window: Tensor

    def __init__(self, n_mels: int) -> None:
        super().__init__()
        self.register_buffer("mel", torch.from_numpy(mel_matrix(n_mels)), persistent=False)
        self.register_buffer("mean", torch.zeros(n_mels))
        self.register_buffer("std", torch.ones(n_mels))
        window = torch.hann_window(WINDOW_SAMPLES, periodic=True)
        self.register_buffer("window", window, persistent=False)

    def set_statistics(self, mean: Tensor, std: Tensor) -> None:
        """Set the mean and standard deviation (n_mels) of the training data's log-mel values."""
        self.mean.copy_(mean)
        self.std.copy_(std)

    def log_mel(self, audio: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-mel frames before normalisation; the padding is zero.

        Args:
            audio: (batch, samples), float in -1 … 1 at 16 kHz, more than 256 samples.
            lengths: (batch,) samples of each row.

        Returns:
            (batch, frames, n_mels) and (batch,) frames of each row.
        """
        # Always in single precision: the power of speech spans more than bfloat16 resolves.
        with torch.autocast(audio.device.type, enabled=False):
            spectrum = torch.stft(
                audio,
                FFT_SAMPLES,
                HOP_SAMPLES,
                WINDOW_SAMPLES,
                self.window,
                center=True,
                pad_mode="reflect",
                return_complex=True,
            )  # (batch, bins, frames)
            power = torch.view_as_real(spectrum).square().sum(-1).transpose(1, 2)
            frames = self.bands(power)
        frame_lengths = lengths // HOP_SAMPLES + 1
        return _zero_padding(frames, frame_lengths), frame_lengths

    def bands(self, power: Tensor) -> Tensor:
        """Return log-mel values (…, n_mels) of powers (…, FFT bins)."""
        return (power @ self.mel).clamp_min(POWER_FLOOR).log()

    def normalize(self, frames: Tensor) -> Tensor:
        """Return log-mel values (…, n_mels) with the global mean and variance taken out."""
        return (frames - self.mean) / self.std

    def forward(self, audio: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return normalised log-mel frames, zero where padded; shapes as in `log_mel`."""
        frames, frame_lengths = self.log_mel(audio, lengths)
        return _zero_padding(self.normalize(frames), frame_lengths), frame_lengths


def _zero_padding(frames: Tensor, lengths: Tensor) -> Tensor:
    """Zero the rows' frames from their length on; frames is (batch, frames, bands)."""
    if frames.shape[0] == 1:  # a single row has no padding; the mask would cost a copy
        return frames
    positions = torch.arange(frames.shape[1], device=frames.device)
    padded = positions[None, :] >= lengths[:, None]  # (batch, frames)
    return frames.masked_fill(padded[..., None], 0.0)
