"""OWSM-CTC as an ONNX graph, in single precision or with 8-bit weights.

The graph takes the power spectrum of one recording of any length; `models.owsm_ctc.onnx_model`
makes that and runs it. Only matrix products are quantised, with a scale for each output channel
and activations quantised as they come: 8-bit convolutions are slower than those they replace, and
the mel bands, whose powers span ten decades, would not survive it.

Needs the extra `export`.
"""

import copy
import math
import tempfile
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.errors import ExportError
from models.owsm_ctc.attention import ScaledPositions, sinusoids
from models.owsm_ctc.model import OwsmCtc
from models.owsm_ctc.onnx_model import FLOAT_FILE, INPUTS, INT8_FILE, OUTPUT
from models.owsm_ctc.spectrum import N_BINS

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17

_EXAMPLE_FRAMES = 203  # any number will do that is not special: the graph takes them all
_EXAMPLE_PROMPT = 3


def export_onnx(model: OwsmCtc, directory: Path, *, int8: bool) -> Path:
    """Write the network into a checkpoint folder, beside its other files.

    Args:
        model: in evaluation mode, on the CPU.
        directory: that of the checkpoint; it has the configuration and the tokeniser.
        int8: quantise the matrix products.

    Returns:
        The file written.

    Raises:
        ExportError: the extra `export` is not installed.
    """
    onnx = _import_onnx()
    graph = _export(model, onnx)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / (INT8_FILE if int8 else FLOAT_FILE)
    if int8:
        _quantize(graph, path)
    else:
        onnx.save_model(graph, path)
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


def _export(model: OwsmCtc, onnx: ModuleType) -> "ModelProto":
    """Return the graph in single precision."""
    example = (
        torch.rand(1, _EXAMPLE_FRAMES, N_BINS),
        torch.zeros(1, 2, dtype=torch.int64),
        torch.zeros(1, _EXAMPLE_PROMPT, dtype=torch.int64),
    )
    with warnings.catch_warnings(), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # this exporter is deprecated; the new one takes minutes
        path = Path(folder) / FLOAT_FILE
        torch.onnx.export(
            _ExportedNetwork(model).eval(),
            example,
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes={"power": {1: "frames"}, "prompt_ids": {1: "tokens"}, OUTPUT: {1: "out"}},
        )
        graph: ModelProto = onnx.load_model(path)
    return graph


def _quantize(graph: "ModelProto", path: Path) -> None:
    """Write the graph with 8-bit weights in its matrix products."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    # Not done: that preparation is for graphs whose shapes are not known. It would need sympy.
    add_pre_process_metadata(graph)
    quantize_dynamic(
        graph,
        path,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        # Seven bits: without VNNI, processors add pairs of products in 16 bits, which overflow.
        reduce_range=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[node.name for node in graph.graph.node if INPUTS[0] in node.input],
    )


def _import_onnx() -> ModuleType:
    try:
        import onnx
    except ImportError as error:
        raise ExportError(
            "writing ONNX needs two more packages: pip install 'dragoman[export]'"
        ) from error
    return onnx
