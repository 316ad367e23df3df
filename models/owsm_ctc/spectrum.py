"""Power spectra with numpy: the front end of the exported networks, up to the mel bands.

The same centred windows as `models.owsm_ctc.frontend`, which computes them with torch.
"""

import numpy as np
from numpy.typing import NDArray

from models.owsm_ctc.geometry import FFT_SAMPLES, HOP_SAMPLES, MIN_SAMPLES, WINDOW_SAMPLES

N_BINS = FFT_SAMPLES // 2 + 1
_EDGE = (FFT_SAMPLES - WINDOW_SAMPLES) // 2  # 56: the window stands in the middle of the transform
# Hann, periodic: the last value of the symmetric window one sample longer is left out.
_WINDOW = np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32)


def check_audio(audio: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the samples as float32, without a copy if they are.

    Raises:
        ValueError: the audio is not one-dimensional, not floating point, or not finite.
    """
    array = np.asarray(audio)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"audio must be a one-dimensional float array at 16 kHz, -1 to 1; this one is "
            f"{array.dtype} of shape {array.shape}"
        )
    samples = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(samples).all():
        raise ValueError("the audio holds samples that are not finite numbers")
    return samples


def power_spectrum(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (mel frames, `N_BINS`) powers of (n,) samples, reflected at both ends.

    Below 140 ms the samples are filled up with silence.
    """
    if len(samples) < MIN_SAMPLES:
        samples = np.pad(samples, (0, MIN_SAMPLES - len(samples)))
    padded = np.pad(samples, FFT_SAMPLES // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES]
    middle = windows[:, _EDGE : _EDGE + WINDOW_SAMPLES]  # (frames, 400): outside the window is 0
    # The place in the transform changes only the phase, so that the zeros may all stand behind.
    spectrum = np.fft.rfft(middle * _WINDOW, FFT_SAMPLES)  # (frames, bins)
    power: NDArray[np.float32] = np.square(spectrum.real) + np.square(spectrum.imag)
    return power.astype(np.float32, copy=False)
