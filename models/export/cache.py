"""Caches of exported networks."""

import numpy as np
from numpy.typing import NDArray


class KeyValueCache:
    """Keys and values of all layers, (time, layers, 2, d), in memory that is there beforehand."""

    def __init__(self, n_steps: int, n_layers: int, d_model: int) -> None:
        self._steps = np.zeros((n_steps, n_layers, 2, d_model), np.float32)
        self.length = 0

    @property
    def filled(self) -> NDArray[np.float32]:
        """A view of what is in use."""
        return self._steps[: self.length]

    def append(self, new: NDArray[np.float32]) -> None:
        """Add time steps, (new, layers, 2, d)."""
        self._steps[self.length : self.length + len(new)] = new
        self.length += len(new)

    def truncate(self, length: int) -> None:
        """Forget all time steps from `length` on."""
        self.length = min(self.length, length)
