"""Export of FReTNA's `stream` form to ONNX: one graph for an update, with caches.

The graph reads new source tokens and fills the slots of the window; `models.export.stream_engine`
keeps the caches, and tells the graph the positions.

Needs the extra `export`.
"""

import shutil
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from models.checkpoint import read_checkpoint
from models.errors import CheckpointError
from models.export.folder import copy_rest, write_origin
from models.export.onnx_attention import attend_through
from models.export.onnx_graph import trace_graph, write_graph
from models.export.stream_engine import (
    GROWING,
    LABELS,
    OUTPUTS,
    cache_shapes,
    input_names,
    network_file,
    output_names,
)
from models.layers import EncoderLayer
from models.slot_search import N_LIKELY
from models.stream_fretna import StreamFretna, window_layers
from models.translator_config import TranslatorConfig

_EXAMPLE_PAST, _EXAMPLE_KEPT, _EXAMPLE_NEW = 5, 2, 3
_EXAMPLE_LABELS = N_LIKELY + 3


def export_stream(checkpoint: Path, out: Path, *, int8: bool) -> Path:
    """Write a network that `models.export.stream_engine` runs; returns its file.

    Args:
        checkpoint: a `fretna` checkpoint of the `stream` form.
        out: folder to write; what an earlier export left there is replaced.
        int8: quantise the weights; activations are quantised as they come.

    Raises:
        CheckpointError: the checkpoint is missing, damaged or of another kind.
        ExportError: the extra `export` is not installed.
    """
    content = read_checkpoint(checkpoint).expect("fretna")
    config = TranslatorConfig.from_dict(content.config)
    if config.form != "stream":
        raise CheckpointError(f"{checkpoint}: is of the {config.form} form, not of stream")
    model = StreamFretna.from_checkpoint(content, "cpu")
    inputs, outputs = input_names(config), output_names(config)
    graph = trace_graph(
        _Update(model),
        _example(config),
        inputs=inputs,
        outputs=outputs,
        dynamic_axes={
            LABELS: {0: LABELS},
            **{name: {1: name} for name in (*GROWING, *OUTPUTS)},
        },
    )
    path = network_file(out, int8=int8)
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir(parents=True)
    write_graph(graph, path, int8=int8)
    write_origin(path.parent, checkpoint)
    copy_rest(checkpoint, out)
    return path


def _example(config: TranslatorConfig) -> tuple[Tensor, ...]:
    d_model, factor = config.d_model, config.upsampling
    n_tokens = _EXAMPLE_PAST + _EXAMPLE_NEW
    return (
        torch.zeros(1, _EXAMPLE_NEW, dtype=torch.int64),
        torch.zeros(1, _EXAMPLE_NEW, d_model),
        torch.zeros(1, _EXAMPLE_KEPT, d_model),
        torch.zeros(1, (_EXAMPLE_KEPT + _EXAMPLE_NEW) * factor, d_model),
        torch.arange(_EXAMPLE_LABELS),
        torch.tensor([n_tokens], dtype=torch.int32),
        torch.tensor([n_tokens * factor], dtype=torch.int32),
        *[torch.zeros(1, *shape) for shape in cache_shapes(config).values()],
    )


class _Update(nn.Module):
    """Reads source tokens and fills the slots of the window."""

    def __init__(self, model: StreamFretna) -> None:
        super().__init__()
        self._model = model

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        memory: Tensor,
        slot_positions: Tensor,
        considered: Tensor,
        n_tokens: Tensor,
        n_slots: Tensor,
        *caches: Tensor,
    ) -> tuple[Tensor, ...]:
        """One update.

        Args:
            tokens: new source tokens, (1, new).
            positions: of the new tokens, (1, new, d).
            memory: encoded source tokens of the window but the new ones, (1, kept, d).
            slot_positions: of the window's slots, (1, filled, d).
            considered: the labels that are looked at, (n,).
            n_tokens: of the source, (1,).
            n_slots: that the source opens, (1,).
            *caches: keys and values for each causal layer and for each layer over slots,
                (1, heads, most steps, d_head).

        Returns:
            Keys and values, with those of the new tokens and of the window's slots; the new tokens
            encoded; the slots' likely labels, their scores first (1, filled, likely), and the
            logits of all that are looked at (1, filled, n).
        """
        model = self._model
        n_causal = 2 * model.config.n_encoder_layers
        x = model.embedding(tokens) * model.config.d_model**0.5 + positions
        layers = cast(list[EncoderLayer], list(model.encoder.layers))
        x, own = attend_through(layers, x, caches[:n_causal], n_tokens, causal=True)
        new_memory = model.encoder.norm(x)
        x = torch.cat((memory, new_memory), dim=1)[:, :, None] + model.slot_offset
        x = x.flatten(1, 2) + slot_positions
        layers = window_layers(model)
        x, slots = attend_through(layers, x, caches[n_causal:], n_slots, causal=False)
        logits = model.norm(x) @ model.embedding(considered).T
        scores, best = logits.topk(N_LIKELY, dim=-1)
        return *own, *slots, new_memory, scores, considered[best], logits
