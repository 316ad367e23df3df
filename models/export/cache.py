"""Keys and values of exported networks, kept outside of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class KeyValueCache:
    """Keys beside values of every layer, (1, time, 2d), in memory that is there beforehand.

    What is in use is a view of it: nothing is copied when it grows, or is given to a network.

    Args:
        name: of the network's inputs, `name.0` and so on.
        n_layers: how many there are.
        n_steps: most time steps.
        d_model: width of the network.
    """

    def __init__(self, name: str, n_layers: int, n_steps: int, d_model: int) -> None:
        self._names = layer_names(name, n_layers)
        self._layers = [np.zeros((1, n_steps, 2 * d_model), np.float32) for _ in self._names]
        self.length = 0

    def feed(self) -> dict[str, Floats]:
        """What is in use, by the name of the input."""
        return {
            name: layer[:, : self.length]
            for name, layer in zip(self._names, self._layers, strict=True)
        }

    def append(self, new: Sequence[Floats]) -> None:
        """Add time steps, for each layer (1, new, 2d)."""
        end = self.length + new[0].shape[1]
        for layer, steps in zip(self._layers, new, strict=True):
            layer[:, self.length : end] = steps
        self.length = end

    def truncate(self, length: int) -> None:
        """Forget all time steps from `length` on."""
        self.length = min(self.length, length)


def layer_names(name: str, n_layers: int) -> list[str]:
    """Names of the inputs or outputs that belong to the layers."""
    return [f"{name}.{index}" for index in range(n_layers)]
