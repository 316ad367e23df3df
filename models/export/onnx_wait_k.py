"""Export of Wait-k to ONNX: a step of the causal encoder and a step of the decoder, with caches.

CTranslate2 has neither an encoder that reads piece by piece nor a cross-attention that grows while
the target is written. Here each step takes the keys and values of the time steps before it and
returns those of its own; `models.export.wait_k_engine` keeps them. Caches are laid out time first,
(time, layers, 2, d), so that the part in use is one piece of memory and grows without a copy.

Needs the extra `export`.
"""

import shutil
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from models.autoregressive import AutoregressiveTransformer
from models.checkpoint import CONFIG_FILE, TOKENIZER_FILE, read_checkpoint
from models.export.onnx_attention import attend_behind, attend_heads
from models.export.onnx_graph import trace_graph, write_graph
from models.export.wait_k_engine import DECODER, ENCODER
from models.layers import EncoderLayer, causal_mask, decoder_layers
from models.onnx_session import ONNX_FOLDER

_EXAMPLE_PAST, _EXAMPLE_SOURCE, _EXAMPLE_NEW = 5, 7, 3


def export_wait_k(checkpoint: Path, out: Path, *, int8: bool) -> None:
    """Write a folder that `models.export.wait_k_engine` runs.

    Args:
        checkpoint: a `wait-k` checkpoint.
        out: folder to write; what an earlier export left there is replaced.
        int8: quantise the weights; activations are quantised as they come.

    Raises:
        CheckpointError: the checkpoint is missing, damaged or of another kind.
        ExportError: the extra `export` is not installed.
    """
    content = read_checkpoint(checkpoint).expect("wait-k")
    model = AutoregressiveTransformer.from_checkpoint(content, "cpu")
    config = model.config
    tokens = torch.zeros(_EXAMPLE_NEW, dtype=torch.int64)
    encoder = trace_graph(
        _EncoderStep(model),
        (tokens, torch.zeros(_EXAMPLE_PAST, config.n_encoder_layers, 2, config.d_model)),
        inputs=ENCODER.inputs,
        outputs=ENCODER.outputs,
        dynamic_axes={
            "tokens": {0: "new"},
            "own": {0: "past"},
            "new_own": {0: "new"},
            "new_cross": {0: "new"},
        },
    )
    cache = torch.zeros(_EXAMPLE_PAST, config.n_decoder_layers, 2, config.d_model)
    memory = torch.zeros(_EXAMPLE_SOURCE, config.n_decoder_layers, 2, config.d_model)
    decoder = trace_graph(
        _DecoderStep(model),
        (tokens, cache, memory),
        inputs=DECODER.inputs,
        outputs=DECODER.outputs,
        dynamic_axes={
            "tokens": {0: "new"},
            "own": {0: "past"},
            "cross": {0: "source"},
            "new_own": {0: "new"},
        },
    )
    folder = out / ONNX_FOLDER
    shutil.rmtree(folder, ignore_errors=True)  # an earlier export, perhaps of other precision
    folder.mkdir(parents=True)
    write_graph(encoder, folder / ENCODER.file(int8=int8), int8=int8)
    write_graph(decoder, folder / DECODER.file(int8=int8), int8=int8)
    for name in (CONFIG_FILE, TOKENIZER_FILE):
        (out / name).write_bytes((checkpoint / name).read_bytes())


class _EncoderStep(nn.Module):
    """Reads source tokens behind those whose keys and values it is given."""

    def __init__(self, model: AutoregressiveTransformer) -> None:
        super().__init__()
        self._model = model

    def forward(self, tokens: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """(new,), (past, layers, 2, d) → keys and values of this encoder and for the decoder's."""
        model = self._model
        x = _embed(model, tokens, own.shape[0], model.encoder.positions)
        mask = causal_mask(tokens.shape[0], own.shape[0] + tokens.shape[0], tokens.device)
        new = []
        for index, layer in enumerate(cast(list[EncoderLayer], list(model.encoder.layers))):
            attended, cache = attend_behind(
                layer.attention, layer.attention_norm(x), own[:, index], mask
            )
            new.append(cache)
            x = x + attended
            x = x + layer.feed_forward(layer.feed_forward_norm(x))
        memory = model.encoder.norm(x)
        cross = [layer.cross.key_value(memory) for layer in decoder_layers(model.layers)]
        return torch.stack(new, dim=1), _stack_pairs(cross, model.config.d_model)


class _DecoderStep(nn.Module):
    """Writes target tokens and says which one follows."""

    def __init__(self, model: AutoregressiveTransformer) -> None:
        super().__init__()
        self._model = model

    def forward(self, tokens: Tensor, own: Tensor, cross: Tensor) -> tuple[Tensor, Tensor]:
        """(new,), (past, layers, 2, d), (source, layers, 2, d) → keys and values, next token."""
        model = self._model
        x = _embed(model, tokens, own.shape[0], model.positions)
        mask = causal_mask(tokens.shape[0], own.shape[0] + tokens.shape[0], tokens.device)
        new = []
        for index, layer in enumerate(decoder_layers(model.layers)):
            attended, cache = attend_behind(
                layer.attention, layer.attention_norm(x), own[:, index], mask
            )
            new.append(cache)
            x = x + attended
            queries = layer.cross.query(layer.cross_norm(x))
            keys, values = cross[:, index, 0], cross[:, index, 1]
            x = x + layer.cross.out(attend_heads(queries, keys, values, None, model.config.n_heads))
            x = x + layer.feed_forward(layer.feed_forward_norm(x))
        return torch.stack(new, dim=1), model.project(x[-1]).argmax(dim=-1)


def _embed(
    model: AutoregressiveTransformer, tokens: Tensor, start: int, positions: Tensor
) -> Tensor:
    embedded: Tensor = model.embedding(tokens) * model.config.d_model**0.5
    return embedded + positions[start : start + tokens.shape[0]]


def _stack_pairs(pairs: list[Tensor], d_model: int) -> Tensor:
    """Keys beside values of each layer, [(time, 2d)], to (time, layers, 2, d)."""
    stacked = torch.stack(pairs, dim=1)
    return stacked.view(stacked.shape[0], len(pairs), 2, d_model)
