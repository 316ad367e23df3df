"""FReTNA's `stream` form on ONNX Runtime: token ids in, labels out, with real caches; no torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import CheckpointError
from models.export.cache import KeyValueCache
from models.onnx_session import FLOAT_SUFFIX, INT8_SUFFIX, ONNX_FOLDER, open_session
from models.translator_config import TranslatorConfig

INPUTS = ("tokens", "own", "memory", "slots")
OUTPUTS = ("new_own", "new_memory", "new_slots", "labels", "log_probs")

_FAST_OUTPUTS = OUTPUTS[:4]


def network_file(directory: Path, *, int8: bool) -> Path:
    """The network in an export."""
    return directory / ONNX_FOLDER / f"update{INT8_SUFFIX if int8 else FLOAT_SUFFIX}"


class StreamEngine:
    """An exported network.

    Args:
        directory: what `models.export.onnx_stream.export_stream` wrote.
        config: of the model.
        n_threads: that one update may use.

    Raises:
        CheckpointError: the folder is not such an export.
    """

    def __init__(self, directory: Path, config: TranslatorConfig, *, n_threads: int = 1) -> None:
        self.config = config
        paths = [network_file(directory, int8=int8) for int8 in (True, False)]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise CheckpointError(f"{directory}: has no exported network in {ONNX_FOLDER}/")
        self.network: Any = open_session(path, inputs=INPUTS, outputs=OUTPUTS, n_threads=n_threads)

    def open_window(self) -> "ExportedSlotWindow":
        """The slots of a new source."""
        return ExportedSlotWindow(self)


class ExportedSlotWindow:
    """The slots of one growing source; does what `models.stream_fretna.SlotWindow` does."""

    def __init__(self, engine: StreamEngine) -> None:
        config = engine.config
        self._engine = engine
        self._own = KeyValueCache(config.max_tokens, config.n_encoder_layers, config.d_model)
        n_slots = config.max_tokens * config.upsampling
        self._slots = KeyValueCache(n_slots, config.n_decoder_layers, config.d_model)
        self._memory = np.zeros((config.max_tokens, config.d_model), np.float32)
        self._feed: dict[str, NDArray[Any]] = {}

    def read(self, source: Sequence[int], n_known: int) -> tuple[int, list[int]]:
        """Read the source, fill the slots of the window.

        Args:
            source: all of it, which is not empty.
            n_known: how many of its tokens are as in the call before.

        Returns:
            The first slot of the window, and the best label of each of its slots.

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        config = self._engine.config
        n_source = len(source)
        if n_source > config.max_tokens:
            raise ValueError(
                f"source of {n_source} tokens is longer than the {config.max_tokens} "
                "that the model reads"
            )
        first = max(0, min(n_known, n_source - config.window))
        start = first * config.upsampling
        self._own.truncate(n_known)
        self._slots.truncate(start)
        self._feed = {
            "tokens": np.array(source[n_known:], np.int64),
            "own": self._own.filled,
            "memory": self._memory[first:n_known],
            "slots": self._slots.filled,
        }
        own, memory, slots, labels = self._engine.network.run(_FAST_OUTPUTS, self._feed)
        self._own.append(own)
        self._memory[n_known:n_source] = memory
        self._slots.append(slots)
        return start, labels.tolist()

    def log_probs(self) -> NDArray[np.float32]:
        """Log-probabilities of the slots that were filled last: (slots, vocabulary)."""
        scores: NDArray[np.float32] = self._engine.network.run(OUTPUTS[4:], self._feed)[0]
        return scores
