"""Export of autoregressive translators to ONNX: a step of the encoder and one of the decoder.

CTranslate2 has neither an encoder that reads piece by piece nor a cross-attention that grows while
the target is written, which Wait-k needs, nor one pass over a draft, which verifying takes. Here
each step takes the keys and values of the time steps before it and adds those of its own;
`models.export.autoregressive_engine` keeps them, and tells the steps their positions.

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
from models.export.onnx_attention import attend_behind, attend_heads, attend_through, pairs
from models.export.onnx_graph import trace_graph, write_graph
from models.layers import EncoderLayer, decoder_layers
from models.onnx_session import ONNX_FOLDER
from models.translator_config import TranslatorConfig

_EXAMPLE_PAST, _EXAMPLE_SOURCE, _EXAMPLE_NEW = 5, 7, 3


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
    config = model.config
    networks = autoregressive_networks(config)
    n_encoder, n_decoder = config.n_encoder_layers, config.n_decoder_layers
    source = [torch.zeros(1, _EXAMPLE_SOURCE, config.d_model)] * (2 * n_decoder)
    placed = (torch.zeros(1, _EXAMPLE_NEW, dtype=torch.int64), *_example_place(config))
    graphs = [
        trace_graph(
            step(model),
            (*placed, *_example_caches(config, n_layers, n_most), *others),
            inputs=network.inputs,
            outputs=network.outputs,
            dynamic_axes={name: {axis: name} for name, axis in network.growing.items()},
        )
        for step, network, n_layers, n_most, others in (
            (_EncoderStep, networks.encoder, n_encoder, config.max_tokens, []),
            (_DecoderStep, networks.decoder, n_decoder, config.max_target_tokens, source),
        )
    ]
    folder = out / ONNX_FOLDER
    shutil.rmtree(folder, ignore_errors=True)  # an earlier export, perhaps of other precision
    folder.mkdir(parents=True)
    for graph, network in zip(graphs, networks, strict=True):
        write_graph(graph, folder / network.file(int8=int8), int8=int8)
    write_origin(folder, checkpoint)
    copy_rest(checkpoint, out)


def _example_place(config: TranslatorConfig) -> tuple[Tensor, Tensor]:
    n_steps = torch.tensor([_EXAMPLE_PAST + _EXAMPLE_NEW], dtype=torch.int32)
    return torch.zeros(1, _EXAMPLE_NEW, config.d_model), n_steps


def _example_caches(config: TranslatorConfig, n_layers: int, n_most: int) -> list[Tensor]:
    return [torch.zeros(1, *config.cache_shape(n_most))] * (2 * n_layers)


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
        self, tokens: Tensor, positions: Tensor, n_steps: Tensor, *own: Tensor
    ) -> tuple[Tensor, ...]:
        """Keys and values with those of the new tokens, and for each decoder layer the new ones.

        Args:
            tokens: (1, new).
            positions: of the tokens, (1, new, d).
            n_steps: of all tokens, (1,).
            *own: keys and values for each layer, (1, heads, most steps, d_head).
        """
        model = self._model
        x = self.embed(tokens, positions)
        layers = cast(list[EncoderLayer], list(model.encoder.layers))
        x, caches = attend_through(layers, x, own, n_steps, causal=model.config.causal)
        memory = model.encoder.norm(x)
        for layer in decoder_layers(model.layers):
            caches += layer.cross.key_value(memory).chunk(2, dim=-1)
        return tuple(caches)


class _DecoderStep(_Step):
    """Writes target tokens and says which one follows each."""

    def forward(
        self, tokens: Tensor, positions: Tensor, n_steps: Tensor, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """Keys and values with those of the new tokens, and the tokens after each, (new,).

        Args:
            tokens: (1, new).
            positions: of the tokens, (1, new, d).
            n_steps: of all tokens, (1,).
            *caches: keys and values for each layer, first of the target
                (1, heads, most steps, d_head), then of the source (1, source, d).
        """
        model = self._model
        own, source = iter(pairs(caches)), iter(pairs(caches[2 * len(model.layers) :]))
        x = self.embed(tokens, positions)
        new: list[Tensor] = []
        for layer in decoder_layers(model.layers):
            attended, *cache = attend_behind(
                layer.attention, layer.attention_norm(x), next(own), n_steps, causal=True
            )
            new += cache
            x = x + attended
            queries = layer.cross.query(layer.cross_norm(x))
            attended = attend_heads(queries, *next(source), model.config.n_heads)
            x = x + layer.cross.out(attended)
            x = x + layer.feed_forward(layer.feed_forward_norm(x))
        return *new, model.project(x[0]).argmax(dim=-1)
