"""Wait-k on ONNX Runtime: token ids in, token ids out, with real caches; no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import CheckpointError
from models.export.cache import KeyValueCache
from models.onnx_session import ONNX_FOLDER, open_session
from models.tokenizer import BOS_ID
from models.translator_config import TranslatorConfig


@dataclass(frozen=True, slots=True)
class _Graph:
    """One of the two networks."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def file(self, *, int8: bool) -> str:
        """Name of its file."""
        return f"{self.name}.int8.onnx" if int8 else f"{self.name}.onnx"


ENCODER = _Graph("encoder", ("tokens", "own"), ("new_own", "new_cross"))
DECODER = _Graph("decoder", ("tokens", "own", "cross"), ("new_own", "next_token"))


class WaitKEngine:
    """The two networks of an exported Wait-k model.

    Args:
        directory: what `models.export.onnx_wait_k.export_wait_k` wrote.
        config: of the model.
        n_threads: that one step may use.

    Raises:
        CheckpointError: the folder is not such an export.
    """

    def __init__(self, directory: Path, config: TranslatorConfig, *, n_threads: int = 1) -> None:
        self.config = config
        self.encoder = _open(directory, ENCODER, n_threads)
        self.decoder = _open(directory, DECODER, n_threads)

    def new_writer(self) -> "ExportedWriter":
        """A writer for a new source."""
        return ExportedWriter(self)


class ExportedWriter:
    """One target, written token by token against a source that grows.

    Does what `models.decoding.Writer` does with a causal encoder.
    """

    def __init__(self, engine: WaitKEngine) -> None:
        config = engine.config
        self.written: list[int] = []
        self._engine = engine
        self._source = KeyValueCache(config.max_tokens, config.n_encoder_layers, config.d_model)
        self._cross = KeyValueCache(config.max_tokens, config.n_decoder_layers, config.d_model)
        self._target = KeyValueCache(
            config.max_target_tokens, config.n_decoder_layers, config.d_model
        )

    def read(self, source: Sequence[int], n_known: int = 0) -> None:
        """Read the source, of which `n_known` tokens are as they were.

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        max_tokens = self._engine.config.max_tokens
        if len(source) > max_tokens:
            raise ValueError(
                f"source of {len(source)} tokens is longer than the {max_tokens} "
                "that the model reads"
            )
        self._source.truncate(n_known)
        self._cross.truncate(n_known)
        if new := source[self._source.length :]:
            own, cross = self._engine.encoder.run(
                None, {"tokens": np.array(new, np.int64), "own": self._source.filled}
            )
            self._source.append(own)
            self._cross.append(cross)

    def next_token(self) -> int:
        """The most probable token after what is written.

        The last token's keys and values are made anew at each call: the source may have grown.

        Raises:
            ValueError: the target is longer than the model's positions.
        """
        self._target.truncate(len(self.written))
        tokens = [BOS_ID, *self.written][self._target.length :]
        limit = self._engine.config.max_target_tokens
        if self._target.length + len(tokens) > limit:
            raise ValueError(f"target is longer than {limit} tokens")
        new, token = self._engine.decoder.run(
            None,
            {
                "tokens": np.array(tokens, np.int64),
                "own": self._target.filled,
                "cross": self._cross.filled,
            },
        )
        self._target.append(new)
        return int(token)


def _open(directory: Path, graph: _Graph, n_threads: int) -> Any:
    """The network in its 8-bit form if that is there."""
    paths = [directory / ONNX_FOLDER / graph.file(int8=int8) for int8 in (True, False)]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise CheckpointError(f"{directory}: has no exported {graph.name} in {ONNX_FOLDER}/")
    return open_session(path, inputs=graph.inputs, outputs=graph.outputs, n_threads=n_threads)
