"""Keys and values of exported networks, kept outside of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.onnx_runtime import onnxruntime

Floats = NDArray[np.float32]


class CachedNetwork:
    """A network with the keys and values of its own attention, (1, heads, steps, d_head) each.

    It is given the same memory as input and as output (`models.export.onnx_attention`): nothing is
    copied when it adds steps, and what is behind the steps in use is written over.

    Args:
        session: of ONNX Runtime.
        caches: heads, most time steps and width of a head, by the name of the input; that of the
            output begins with `new_`.
    """

    def __init__(self, session: Any, caches: Mapping[str, tuple[int, int, int]]) -> None:
        self._session = session
        self._binding = session.io_binding()
        for name, shape in caches.items():
            cache = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros((1, *shape), np.float32))
            self._binding.bind_ortvalue_input(name, cache)
            self._binding.bind_ortvalue_output(f"new_{name}", cache)

    def run(self, feed: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Outputs that are no caches, by name, the same ones every time."""
        binding = self._binding
        for name, array in feed.items():
            binding.bind_cpu_input(name, array)
        for name in outputs:
            binding.bind_output(name)  # anew: its length may be another one
        self._session.run_with_iobinding(binding)
        values = binding.get_outputs_as_ortvaluevector()
        first = len(values) - len(outputs)
        return [values[first + index].numpy() for index in range(len(outputs))]


class SourceCache:
    """Keys and values of the source for every layer of a decoder, (1, time, d) each.

    Args:
        name: of the network's inputs, as for `layer_names`.
        n_layers: how many there are.
        shape: most time steps, and the width of the network.
    """

    def __init__(self, name: str, n_layers: int, shape: tuple[int, int]) -> None:
        self._layers = {
            key: np.zeros((1, *shape), np.float32) for key in layer_names(name, n_layers)
        }
        self.new_names = [f"new_{key}" for key in self._layers]
        """Names of the outputs of the network that writes what `append` takes."""
        self.length = 0

    def feed(self) -> dict[str, Floats]:
        """What is in use, by the name of the input; nothing is copied."""
        return {name: layer[:, : self.length] for name, layer in self._layers.items()}

    def append(self, new: Sequence[Floats]) -> None:
        """Add time steps, for each layer keys and then values, (1, new, d)."""
        end = self.length + new[0].shape[1]
        for layer, steps in zip(self._layers.values(), new, strict=True):
            layer[:, self.length : end] = steps
        self.length = end

    def truncate(self, length: int) -> None:
        """Forget all time steps from `length` on."""
        self.length = min(self.length, length)


def layer_names(name: str, n_layers: int) -> list[str]:
    """Names of the keys and values that belong to the layers: `name_keys.0` and so on."""
    return [f"{name}_{part}.{index}" for index in range(n_layers) for part in ("keys", "values")]
