"""FReTNA's `stream` form on ONNX Runtime: ids in, likely labels out, with caches; no torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import CheckpointError
from models.export.cache import CachedNetwork, Floats, layer_names
from models.onnx_session import FLOAT_SUFFIX, INT8_SUFFIX, ONNX_FOLDER, open_session
from models.positions import sinusoids
from models.shortlist import Shortlist
from models.slot_search import Slots, spread_logits
from models.translator_config import TranslatorConfig

GROWING = ("tokens", "positions", "memory", "slot_positions")
"""Inputs whose second axis is of any length."""
LABELS = "considered"
"""The input that says which labels are looked at."""
OUTPUTS = ("new_memory", "scores", "labels", "logits")
"""What an update says beside its caches."""


def network_file(directory: Path, *, int8: bool) -> Path:
    """The network in an export."""
    return directory / ONNX_FOLDER / f"update{INT8_SUFFIX if int8 else FLOAT_SUFFIX}"


def cache_shapes(config: TranslatorConfig) -> dict[str, tuple[int, int, int]]:
    """Of the keys and values of source tokens and of slots, by the name of the input."""
    own = layer_names("own", config.n_encoder_layers)
    slots = layer_names("slots", config.n_decoder_layers)
    n_slots = config.max_tokens * config.upsampling
    return {
        **dict.fromkeys(own, config.cache_shape(config.max_tokens)),
        **dict.fromkeys(slots, config.cache_shape(n_slots)),
    }


def input_names(config: TranslatorConfig) -> list[str]:
    """What an update is told."""
    return [*GROWING, LABELS, "n_tokens", "n_slots", *cache_shapes(config)]


def output_names(config: TranslatorConfig) -> list[str]:
    """What an update says."""
    return [*(f"new_{name}" for name in cache_shapes(config)), *OUTPUTS]


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
        self.network: Any = open_session(
            path,
            inputs=input_names(config),
            outputs=output_names(config),
            n_threads=n_threads,
        )
        self._shortlist = Shortlist.find(directory, config.vocab_size)
        self._vocabulary = np.arange(config.vocab_size)
        self.positions = sinusoids(config.max_tokens * config.upsampling, config.d_model)[None]

    def select_labels(self, source: Sequence[int], first: int) -> NDArray[np.int64]:
        """The labels that are looked at in a window; all if there is no shortlist."""
        if self._shortlist is None:
            return self._vocabulary
        return self._shortlist.select(source, first)

    def open_window(self) -> "ExportedSlotWindow":
        """The slots of a new source."""
        return ExportedSlotWindow(self)


class ExportedSlotWindow:
    """The slots of one growing source; does what `models.stream_fretna.SlotWindow` does."""

    def __init__(self, engine: StreamEngine) -> None:
        config = engine.config
        self._engine = engine
        self._update = CachedNetwork(engine.network, cache_shapes(config))
        self._memory = np.zeros((1, config.max_tokens, config.d_model), np.float32)
        self._logits = np.zeros((0, config.vocab_size), np.float32)
        self._labels = np.arange(config.vocab_size)  # that they are of

    def read(self, source: Sequence[int], n_known: int) -> tuple[int, Slots]:
        """Read the source, fill the slots of the window.

        Args:
            source: all of it, which is not empty.
            n_known: how many of its tokens are as in the call before.

        Returns:
            The first slot of the window, and what its slots are likely to be.

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        engine, config = self._engine, self._engine.config
        n_source, factor = len(source), config.upsampling
        if n_source > config.max_tokens:
            raise ValueError(
                f"source of {n_source} tokens is longer than the {config.max_tokens} "
                "that the model reads"
            )
        first = max(0, min(n_known, n_source - config.window))
        n_known = min(n_known, n_source - 1)  # an update reads one token at least
        self._labels = engine.select_labels(source, first)
        feed: dict[str, NDArray[Any]] = {
            "tokens": np.array([source[n_known:]], np.int64),
            "positions": engine.positions[:, n_known:n_source],
            "memory": self._memory[:, first:n_known],
            "slot_positions": engine.positions[:, first * factor : n_source * factor],
            LABELS: self._labels,
            "n_tokens": np.array([n_source], np.int32),
            "n_slots": np.array([n_source * factor], np.int32),
        }
        memory, scores, labels, logits = self._update.run(feed, OUTPUTS)
        self._memory[:, n_known:n_source] = memory
        self._logits = logits[0]
        return first * factor, Slots(labels[0], scores[0])

    def logits(self) -> Floats:
        """Logits of the slots that were filled last: (slots, vocabulary)."""
        return spread_logits(self._logits, self._labels, self._engine.config.vocab_size)
