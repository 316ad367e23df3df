"""Export of FReTNA's `stream` form to ONNX: one graph for an update, with caches.

The graph reads new source tokens and fills the slots of the window; `models.export.stream_engine`
keeps the caches. They are laid out time first, (time, layers, 2, d), so that the part in use is one
piece of memory and grows without a copy.

Needs the extra `export`.
"""

import shutil
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from models.checkpoint import CONFIG_FILE, TOKENIZER_FILE, read_checkpoint
from models.errors import CheckpointError
from models.export.onnx_attention import attend_behind
from models.export.onnx_graph import trace_graph, write_graph
from models.export.stream_engine import INPUTS, OUTPUTS, network_file
from models.layers import EncoderLayer, causal_mask
from models.stream_fretna import StreamFretna, window_layers
from models.translator_config import TranslatorConfig

_EXAMPLE_PAST, _EXAMPLE_KEPT, _EXAMPLE_NEW = 5, 2, 3


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
    factor = config.upsampling
    graph = trace_graph(
        _Update(model),
        (
            torch.zeros(_EXAMPLE_NEW, dtype=torch.int64),
            torch.zeros(_EXAMPLE_PAST, config.n_encoder_layers, 2, config.d_model),
            torch.zeros(_EXAMPLE_KEPT, config.d_model),
            torch.zeros(_EXAMPLE_PAST * factor, config.n_decoder_layers, 2, config.d_model),
        ),
        inputs=INPUTS,
        outputs=OUTPUTS,
        dynamic_axes={
            "tokens": {0: "new"},
            "own": {0: "past"},
            "memory": {0: "kept"},
            "slots": {0: "settled"},
            "new_own": {0: "new"},
            "new_memory": {0: "new"},
            "new_slots": {0: "filled"},
            "labels": {0: "filled"},
            "log_probs": {0: "filled"},
        },
    )
    path = network_file(out, int8=int8)
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir(parents=True)
    write_graph(graph, path, int8=int8)
    for name in (CONFIG_FILE, TOKENIZER_FILE):
        (out / name).write_bytes((checkpoint / name).read_bytes())
    return path


class _Update(nn.Module):
    """Reads source tokens and fills the slots of the window."""

    def __init__(self, model: StreamFretna) -> None:
        super().__init__()
        self._model = model

    def forward(
        self, tokens: Tensor, own: Tensor, memory: Tensor, slots: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """One update.

        Args:
            tokens: new source tokens, (new,).
            own: keys and values of the source tokens before, (past, layers, 2, d).
            memory: encoded source tokens of the window but the new ones, (kept, d).
            slots: keys and values of the slots before the window, (settled, layers, 2, d).

        Returns:
            Keys and values of the new tokens, the new tokens encoded, keys and values of the
            window's slots, their best labels (filled,), their log-probabilities.
        """
        model = self._model
        start = own.shape[0]
        x = model.embedding(tokens) * model.config.d_model**0.5
        x = x + model.encoder.positions[start : start + tokens.shape[0]]
        mask = causal_mask(tokens.shape[0], start + tokens.shape[0], tokens.device)
        x, new_own = _through(cast(list[EncoderLayer], list(model.encoder.layers)), x, own, mask)
        new_memory = model.encoder.norm(x)
        x = model.open_slots(torch.cat((memory, new_memory))[None], slots.shape[0])[0]
        x, new_slots = _through(window_layers(model), x, slots, None)
        logits = model.project(x)
        return new_own, new_memory, new_slots, logits.argmax(dim=-1), logits.log_softmax(dim=-1)


def _through(
    layers: list[EncoderLayer], x: Tensor, past: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """New steps (new, d) through layers, behind past ones; also their keys and values."""
    new = []
    for index, layer in enumerate(layers):
        attended, cache = attend_behind(
            layer.attention, layer.attention_norm(x), past[:, index], mask
        )
        new.append(cache)
        x = x + attended
        x = x + layer.feed_forward(layer.feed_forward_norm(x))
    return x, torch.stack(new, dim=1)
