"""FReTNA's `stream` form on ONNX Runtime: ids in, likely labels out, with caches; no torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import CheckpointError
from models.export.cache import Floats, KeyValueCache, layer_names
from models.export.causal import causal_bias
from models.onnx_session import FLOAT_SUFFIX, INT8_SUFFIX, ONNX_FOLDER, open_session
from models.positions import sinusoids
from models.slot_search import Slots
from models.translator_config import TranslatorConfig


def network_file(directory: Path, *, int8: bool) -> Path:
    """The network in an export."""
    return directory / ONNX_FOLDER / f"update{INT8_SUFFIX if int8 else FLOAT_SUFFIX}"


def input_names(config: TranslatorConfig) -> list[str]:
    """What an update is told."""
    caches = (
        *layer_names("own", config.n_encoder_layers),
        *layer_names("slots", config.n_decoder_layers),
    )
    return ["tokens", "positions", "causal", "memory", "slot_positions", *caches]


def output_names(config: TranslatorConfig) -> list[str]:
    """What an update says."""
    caches = (
        *layer_names("new_own", config.n_encoder_layers),
        *layer_names("new_slots", config.n_decoder_layers),
    )
    return ["new_memory", *caches, "scores", "labels", "logits"]


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
        outputs = output_names(config)
        self.network: Any = open_session(
            path, inputs=input_names(config), outputs=outputs, n_threads=n_threads
        )
        self.outputs = outputs[:-1]
        self.positions = sinusoids(config.max_tokens * config.upsampling, config.d_model)[None]

    def open_window(self) -> "ExportedSlotWindow":
        """The slots of a new source."""
        return ExportedSlotWindow(self)


class ExportedSlotWindow:
    """The slots of one growing source; does what `models.stream_fretna.SlotWindow` does."""

    def __init__(self, engine: StreamEngine) -> None:
        config = engine.config
        self._engine = engine
        self._own = KeyValueCache("own", config.n_encoder_layers, config.max_tokens, config.d_model)
        n_slots = config.max_tokens * config.upsampling
        self._slots = KeyValueCache("slots", config.n_decoder_layers, n_slots, config.d_model)
        self._memory = np.zeros((1, config.max_tokens, config.d_model), np.float32)
        self._feed: dict[str, NDArray[Any]] = {}

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
        self._own.truncate(n_known)
        self._slots.truncate(first * factor)
        self._feed = {
            "tokens": np.array([source[n_known:]], np.int64),
            "positions": engine.positions[:, n_known:n_source],
            "causal": causal_bias(n_source - n_known, n_known),
            "memory": self._memory[:, first:n_known],
            "slot_positions": engine.positions[:, first * factor : n_source * factor],
            **self._own.feed(),
            **self._slots.feed(),
        }
        memory, *caches, scores, labels = engine.network.run(engine.outputs, self._feed)
        self._memory[:, n_known:n_source] = memory
        self._own.append(caches[: config.n_encoder_layers])
        self._slots.append(caches[config.n_encoder_layers :])
        return first * factor, Slots(labels[0], scores[0])

    def logits(self) -> Floats:
        """Logits of the slots that were filled last: (slots, vocabulary)."""
        logits: Floats = self._engine.network.run(["logits"], self._feed)[0][0]
        return logits
