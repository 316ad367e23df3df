"""Export of autoregressive translators to ONNX: a step of the encoder and one of the decoder.

CTranslate2 has neither an encoder that reads piece by piece nor a cross-attention that grows while
the target is written, which Wait-k needs, nor one pass over a draft, which verifying takes. Here
each step takes the keys and values of the time steps before it and returns those of its own;
`models.export.autoregressive_engine` keeps them, and tells the steps their positions and what may
see what.

Needs the extra `export`.
"""

import shutil
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from models.autoregressive import AutoregressiveTransformer
from models.checkpoint import read_checkpoint
from models.export.autoregressive_engine import autoregressive_networks
from models.export.folder import copy_rest, write_origin
from models.export.onnx_attention import (
    attend_behind,
    attend_heads,
    causal_bias,
    split_pairs,
)
from models.export.onnx_graph import trace_graph, write_graph
from models.layers import EncoderLayer, decoder_layers
from models.onnx_session import ONNX_FOLDER
from models.translator_config import TranslatorConfig

_EXAMPLE_PAST, _EXAMPLE_SOURCE, _EXAMPLE_NEW = 5, 7, 3
_N_BESIDES = 3  # inputs that are no caches


def export_autoregressive(checkpoint: Path, out: Path, *, int8: bool) -> None:
    """Write a folder that `models.export.autoregressive_engine` runs.

    Args:
        checkpoint: a `reta` or `wait-k` checkpoint.
        out: folder to write; what an earlier export left there is replaced.
        int8: quantise the weights; activations are quantised as they come.

    Raises:
        CheckpointError: the checkpoint is missing, damaged or of another kind.
        ExportError: the extra `export` is not installed.
    """
    content = read_checkpoint(checkpoint).expect("reta", "wait-k")
    model = AutoregressiveTransformer.from_checkpoint(content, "cpu")
    networks = autoregressive_networks(model.config)
    graphs = [
        trace_graph(
            step(model),
            _example(model.config, len(network.inputs) - _N_BESIDES, n_layers),
            inputs=network.inputs,
            outputs=network.outputs,
            dynamic_axes={
                **{name: {1: name} for name in (*network.inputs, *network.outputs)},
                "bias": {2: "new", 3: "all"},
                "next_tokens": {0: "new"},
            },
        )
        for step, network, n_layers in (
            (_EncoderStep, networks.encoder, model.config.n_encoder_layers),
            (_DecoderStep, networks.decoder, model.config.n_decoder_layers),
        )
    ]
    folder = out / ONNX_FOLDER
    shutil.rmtree(folder, ignore_errors=True)  # an earlier export, perhaps of other precision
    folder.mkdir(parents=True)
    for graph, network in zip(graphs, networks, strict=True):
        write_graph(graph, folder / network.file(int8=int8), int8=int8)
    write_origin(folder, checkpoint)
    copy_rest(checkpoint, out)


def _example(config: TranslatorConfig, n_caches: int, n_own: int) -> tuple[Tensor, ...]:
    past = torch.zeros(1, _EXAMPLE_PAST, 2 * config.d_model)
    source = torch.zeros(1, _EXAMPLE_SOURCE, 2 * config.d_model)
    return (
        torch.zeros(1, _EXAMPLE_NEW, dtype=torch.int64),
        torch.zeros(1, _EXAMPLE_NEW, config.d_model),
        causal_bias(_EXAMPLE_NEW, _EXAMPLE_PAST),
        *[past] * n_own,
        *[source] * (n_caches - n_own),
    )


class _Step(nn.Module):
    def __init__(self, model: AutoregressiveTransformer) -> None:
        super().__init__()
        self._model = model

    def embed(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """What the layers begin with: (1, new, d)."""
        embedded: Tensor = self._model.embedding(tokens) * self._model.config.d_model**0.5
        return embedded + positions


class _EncoderStep(_Step):
    """Reads source tokens behind those whose keys and values it is given."""

    def forward(
        self, tokens: Tensor, positions: Tensor, bias: Tensor, *own: Tensor
    ) -> tuple[Tensor, ...]:
        """Keys and values of the new tokens: for each of its own layers, for each decoder layer.

        Args:
            tokens: (1, new).
            positions: of the tokens, (1, new, d).
            bias: added to the scores of attention, (1, 1, new, past + new).
            *own: keys and values of the tokens before for each layer, (1, past, 2d).
        """
        x = self.embed(tokens, positions)
        new = []
        layers = cast(list[EncoderLayer], list(self._model.encoder.layers))
        for layer, past in zip(layers, own, strict=True):
            attended, cache = attend_behind(layer.attention, layer.attention_norm(x), past, bias)
            new.append(cache)
            x = x + attended
            x = x + layer.feed_forward(layer.feed_forward_norm(x))
        memory = self._model.encoder.norm(x)
        return *new, *(
            layer.cross.key_value(memory) for layer in decoder_layers(self._model.layers)
        )


class _DecoderStep(_Step):
    """Writes target tokens and says which one follows each."""

    def forward(
        self, tokens: Tensor, positions: Tensor, bias: Tensor, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """Keys and values of the new tokens for each layer, and the tokens after each, (new,).

        Args:
            tokens: (1, new).
            positions: of the tokens, (1, new, d).
            bias: added to the scores of attention, (1, 1, new, past + new).
            *caches: keys and values for each layer, first of the target tokens before
                (1, past, 2d), then of the source (1, source, 2d).
        """
        model = self._model
        n_layers = model.config.n_decoder_layers
        x = self.embed(tokens, positions)
        new = []
        for index, layer in enumerate(decoder_layers(model.layers)):
            past, source = caches[index], caches[n_layers + index]
            attended, cache = attend_behind(layer.attention, layer.attention_norm(x), past, bias)
            new.append(cache)
            x = x + attended
            queries = layer.cross.query(layer.cross_norm(x))
            keys, values = split_pairs(source, model.config.d_model)
            x = x + layer.cross.out(attend_heads(queries, keys, values, model.config.n_heads))
            x = x + layer.feed_forward(layer.feed_forward_norm(x))
        return *new, model.project(x[0]).argmax(dim=-1)
