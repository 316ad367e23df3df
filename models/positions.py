"""Sinusoidal positions; no torch is imported here."""

import numpy as np
from numpy.typing import NDArray


def sinusoids(n_positions: int, d_model: int) -> NDArray[np.float32]:
    """Sinusoidal positions (Vaswani et al. 2017), sine half then cosine half: (positions, d)."""
    half = d_model // 2
    rates = np.exp(-np.log(10_000) * np.arange(half) / max(1, half - 1))
    angles = np.arange(n_positions)[:, None] * rates
    return np.concatenate((np.sin(angles), np.cos(angles)), axis=1, dtype=np.float32)
