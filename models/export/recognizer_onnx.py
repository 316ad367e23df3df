"""OWSM-CTC as an ONNX graph, in single precision or with 8-bit weights.

The graph takes the power spectrum of one recording of any length; `models.owsm_ctc.onnx_model`
makes that and runs it.

Needs the extra `export`.
"""

import copy
import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.checkpoint import WEIGHTS_FILE, weights_fingerprint
from models.export.onnx_graph import trace_graph, write_graph
from models.owsm_ctc.attention import ScaledPositions, sinusoids
from models.owsm_ctc.model import OwsmCtc
from models.owsm_ctc.onnx_model import FINGERPRINT, FLOAT_FILE, INPUTS, INT8_FILE, OUTPUT
from models.owsm_ctc.spectrum import N_BINS

if TYPE_CHECKING:
    from onnx import ModelProto

_EXAMPLE_FRAMES = 203  # any number will do that is not special: the graph takes them all
_EXAMPLE_PROMPT = 3


def export_onnx(
    model: OwsmCtc, directory: Path, *, int8: bool, weights: Path | None = None
) -> Path:
    """Write the network into a checkpoint folder, beside its other files.

    Args:
        model: in evaluation mode, on the CPU.
        directory: that of the checkpoint; it has the configuration and the tokeniser.
        int8: quantise the matrix products.
        weights: the file that the model was loaded from; None for that in `directory`. The export
            remembers which content it had.

    Returns:
        The file written.

    Raises:
        ExportError: the extra `export` is not installed.
    """
    graph = _trace(model)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / (INT8_FILE if int8 else FLOAT_FILE)
    # The mel bands, whose powers span ten decades, would not survive eight bits.
    weights = weights or directory / WEIGHTS_FILE
    facts = {FINGERPRINT: weights_fingerprint(weights)} if weights.exists() else {}
    write_graph(graph, path, int8=int8, keep_float=INPUTS[:1], facts=facts)
    return path


class _ComputedPositions(ScaledPositions):
    """`ScaledPositions` whose sinusoids are part of the graph, so that no length is too long."""

    def __init__(self, positions: ScaledPositions) -> None:
        super().__init__(positions.width, dropout=0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, positions, width) to the same shape."""
        return x * math.sqrt(self.width) + sinusoids(x.shape[1], self.width)


class _ExportedNetwork(nn.Module):
    """From powers to log-probabilities, with everything that no caller varies taken out."""

    def __init__(self, model: OwsmCtc) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        self.model.positions = _ComputedPositions(model.positions)
        self.model.prompt_encoder.positions = _ComputedPositions(model.prompt_encoder.positions)

    def forward(self, power: Tensor, prefix_ids: Tensor, prompt_ids: Tensor) -> Tensor:
        """(1, mel frames, bins), (1, 2), (1, prompt tokens) → (1, out, vocabulary)."""
        frontend = self.model.frontend
        features = frontend.normalize(frontend.bands(power))
        output = self.model(features, None, prefix_ids, prompt_ids, keep_inter=False)
        log_probs: Tensor = output.log_probs
        return log_probs


def _trace(model: OwsmCtc) -> "ModelProto":
    """Return the graph in single precision."""
    example = (
        torch.rand(1, _EXAMPLE_FRAMES, N_BINS),
        torch.zeros(1, 2, dtype=torch.int64),
        torch.zeros(1, _EXAMPLE_PROMPT, dtype=torch.int64),
    )
    return trace_graph(
        _ExportedNetwork(model),
        example,
        inputs=INPUTS,
        outputs=[OUTPUT],
        dynamic_axes={"power": {1: "frames"}, "prompt_ids": {1: "tokens"}, OUTPUT: {1: "out"}},
    )
