"""Causal masks as exported networks are told them; no torch is imported here."""

from functools import lru_cache

import numpy as np

from models.export.cache import Floats


@lru_cache(1024)
def causal_bias(n_new: int, n_past: int) -> Floats:
    """Lets new step i see itself and all before it: (1, 1, new, past + new), read-only."""
    bias = np.zeros((1, 1, n_new, n_past + n_new), np.float32)
    bias[0, 0, :, n_past:] = np.triu(np.full((n_new, n_new), np.finfo(np.float32).min), k=1)
    bias.flags.writeable = False
    return bias
