"""Writing networks as ONNX graphs, in single precision or with 8-bit weights.

Only matrix products are quantised, with a scale for each output channel and activations quantised
as they come: 8-bit convolutions are slower than those they replace.

Needs the extra `export`.
"""

import tempfile
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

import models.onnx_runtime  # noqa: F401 (what `write_graph` imports has no telemetry then)
from models.errors import ExportError

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17


def trace_graph(
    network: nn.Module,
    example: tuple[Tensor, ...],
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic_axes: Mapping[str, Mapping[int, str]],
) -> "ModelProto":
    """The graph of a network, in single precision.

    Args:
        network: in evaluation mode, on the CPU.
        example: arguments of its `forward`; sizes of dynamic axes should not be special.
        inputs: names of the arguments.
        outputs: names of what it returns.
        dynamic_axes: axes of any size, by the name of the input or output.

    Raises:
        ExportError: the extra `export` is not installed.
    """
    onnx = _import_onnx()
    with warnings.catch_warnings(), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # this exporter is deprecated; the new one takes minutes
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(
            network.eval(),
            example,
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=dynamic_axes,
        )
        graph: ModelProto = onnx.load_model(path)
    return graph


def write_graph(
    graph: "ModelProto",
    path: Path,
    *,
    int8: bool,
    keep_float: Collection[str] = (),
    facts: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write a graph to a file.

    Args:
        graph: what `trace_graph` returned; quantising changes it.
        path: to write.
        int8: quantise the weights of its matrix products.
        keep_float: inputs whose own products are not quantised.
        facts: what the file is to say of itself.
    """
    for key, value in facts.items():
        entry = graph.metadata_props.add()
        entry.key, entry.value = key, value
    if not int8:
        _import_onnx().save_model(graph, path)
        return
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    # Not done: that preparation is for graphs whose shapes are not known. It would need sympy.
    add_pre_process_metadata(graph)
    kept = set(keep_float)
    quantize_dynamic(
        graph,
        path,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        # Seven bits: without VNNI, processors add pairs of products in 16 bits, which overflow.
        reduce_range=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[
            node.name for node in graph.graph.node if not kept.isdisjoint(node.input)
        ],
    )
    _drop_zero_points(path)


def _drop_zero_points(path: Path) -> None:
    """Leave out the zero points of the weights, which are all 0.

    ONNX Runtime would take the longer way for weights that are not symmetric.
    """
    onnx = _import_onnx()
    graph = onnx.load_model(path)
    values = {tensor.name: tensor for tensor in graph.graph.initializer}
    for node in graph.graph.node:
        if node.op_type == "MatMulInteger":
            assert not onnx.numpy_helper.to_array(values[node.input[3]]).any()
            del node.input[3]
    onnx.save_model(graph, path)


def _import_onnx() -> ModuleType:
    try:
        import onnx
    except ImportError as error:
        raise ExportError(
            "writing ONNX needs two more packages: pip install 'dragoman[export]'"
        ) from error
    return onnx
