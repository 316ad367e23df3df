"""Autoregressive translators on ONNX Runtime: ids in, ids out, with real caches; no torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import CheckpointError
from models.export.cache import CachedNetwork, SourceCache, layer_names
from models.onnx_session import FLOAT_SUFFIX, INT8_SUFFIX, ONNX_FOLDER, open_session
from models.positions import sinusoids
from models.tokenizer import BOS_ID
from models.translator_config import TranslatorConfig


class Network(NamedTuple):
    """One of the two networks."""

    name: str
    inputs: list[str]
    outputs: list[str]
    growing: dict[str, int]
    """Inputs and outputs of any length, and the axis that it is of."""

    def file(self, *, int8: bool) -> str:
        """Name of its file."""
        return f"{self.name}{INT8_SUFFIX if int8 else FLOAT_SUFFIX}"


class Networks(NamedTuple):
    """Both."""

    encoder: Network
    decoder: Network


def autoregressive_networks(config: TranslatorConfig) -> Networks:
    """What the networks of a model are told, and what they say."""
    steps = {"tokens": 1, "positions": 1}
    source = layer_names("source", config.n_decoder_layers)
    new_source = [f"new_{name}" for name in source]
    own, target = (
        layer_names("own", n) for n in (config.n_encoder_layers, config.n_decoder_layers)
    )
    return Networks(
        Network(
            "encoder",
            [*steps, "n_steps", *own],
            [*(f"new_{name}" for name in own), *new_source],
            {**steps, **dict.fromkeys(new_source, 1)},
        ),
        Network(
            "decoder",
            [*steps, "n_steps", *target, *source],
            [*(f"new_{name}" for name in target), "next_tokens"],
            {**steps, **dict.fromkeys(source, 1), "next_tokens": 0},
        ),
    )


class AutoregressiveEngine:
    """The two networks of an exported model.

    Args:
        directory: what `models.export.onnx_autoregressive.export_autoregressive` wrote.
        config: of the model.
        n_threads: that one step may use.

    Raises:
        CheckpointError: the folder is not such an export.
    """

    def __init__(self, directory: Path, config: TranslatorConfig, *, n_threads: int = 1) -> None:
        self.config = config
        networks = autoregressive_networks(config)
        self.encoder = _open(directory, networks.encoder, n_threads)
        self.decoder = _open(directory, networks.decoder, n_threads)
        self.exact = not (directory / ONNX_FOLDER / networks.decoder.file(int8=True)).exists()
        """Whether one pass over a draft predicts what steps do: eight bits round as a whole."""
        self._positions = sinusoids(config.max_target_tokens, config.d_model)[None]

    def place(self, tokens: Sequence[int], n_before: int) -> dict[str, NDArray[Any]]:
        """What a step is told about its tokens, (new,), behind those before."""
        n_steps = n_before + len(tokens)
        return {
            "tokens": np.array([tokens], np.int64),
            "positions": self._positions[:, n_before:n_steps],
            "n_steps": np.array([n_steps], np.int32),
        }

    def new_writer(self, prefix: Sequence[int] = ()) -> "ExportedWriter":
        """A writer for a new source, whose target begins with the prefix."""
        return ExportedWriter(self, prefix)


class ExportedWriter:
    """One target, written token by token against a source, which may grow for a causal encoder.

    Does what `models.decoding.Writer` does in torch.
    """

    def __init__(self, engine: AutoregressiveEngine, prefix: Sequence[int] = ()) -> None:
        config = engine.config
        self.written = list(prefix)
        self._engine = engine
        n_source, n_target = config.max_tokens, config.max_target_tokens
        n_encoder, n_decoder = config.n_encoder_layers, config.n_decoder_layers
        self._source = SourceCache("source", n_decoder, (n_source, config.d_model))
        self._encoder = CachedNetwork(
            engine.encoder,
            dict.fromkeys(layer_names("own", n_encoder), config.cache_shape(n_source)),
        )
        self._decoder = CachedNetwork(
            engine.decoder,
            dict.fromkeys(layer_names("own", n_decoder), config.cache_shape(n_target)),
        )
        self._n_target = 0  # steps in the decoder's cache

    def read(self, source: Sequence[int], n_known: int = 0) -> None:
        """Read the source, of which `n_known` tokens are as they were (causal encoders only).

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
        if new := source[self._source.length :]:
            placed = self._engine.place(new, self._source.length)
            self._source.append(self._encoder.run(placed, self._source.new_names))

    def next_token(self) -> int:
        """The most probable token after what is written."""
        return self.predict()[0]

    def predict(self, draft: Sequence[int] = ()) -> list[int]:
        """The most probable token after what is written, and after each draft token.

        The last written token's keys and values are made anew at each call: the source may have
        grown.

        Raises:
            ValueError: the target is longer than the model's positions.
        """
        n_before = min(self._n_target, len(self.written))
        tokens = [BOS_ID, *self.written, *draft][n_before:]
        limit = self._engine.config.max_target_tokens
        if n_before + len(tokens) > limit:
            raise ValueError(f"target is longer than {limit} tokens")
        self._n_target = n_before + len(tokens)
        placed = self._engine.place(tokens, n_before)
        (following,) = self._decoder.run({**placed, **self._source.feed()}, ("next_tokens",))
        predicted: list[int] = following[len(tokens) - len(draft) - 1 :].tolist()
        return predicted


def _open(directory: Path, network: Network, n_threads: int) -> Any:
    """The network in its 8-bit form if that is there."""
    paths = [directory / ONNX_FOLDER / network.file(int8=int8) for int8 in (True, False)]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise CheckpointError(f"{directory}: has no exported {network.name} in {ONNX_FOLDER}/")
    return open_session(path, inputs=network.inputs, outputs=network.outputs, n_threads=n_threads)
