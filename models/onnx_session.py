"""Opening exported networks with ONNX Runtime; no torch is imported here."""

from collections.abc import Collection
from pathlib import Path

from models.errors import CheckpointError
from models.onnx_runtime import onnxruntime

ONNX_FOLDER = "onnx"
"""Subfolder of a translator that holds what ONNX Runtime reads."""
FLOAT_SUFFIX = ".onnx"
INT8_SUFFIX = ".int8.onnx"

_ONLY_ERRORS = 3  # ONNX Runtime's log level
_runtime = onnxruntime.capi.onnxruntime_pybind11_state
# They have no base of their own.
_UNUSABLE = (
    _runtime.Fail,
    _runtime.InvalidArgument,
    _runtime.InvalidGraph,
    _runtime.InvalidProtobuf,
    _runtime.NotImplemented,
    _runtime.RuntimeException,
)


def open_session(
    path: Path, *, inputs: Collection[str], outputs: Collection[str], n_threads: int
) -> onnxruntime.InferenceSession:
    """Open a network file for the CPU.

    Args:
        path: of the file.
        inputs: names of all its inputs.
        outputs: names that are among its outputs.
        n_threads: that one run may use.

    Raises:
        CheckpointError: the file is missing, damaged, or another network.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_ERRORS
    if not path.is_file():
        raise CheckpointError(f"{path}: is missing")
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except _UNUSABLE as error:
        raise CheckpointError(f"{path}: damaged, or not an ONNX network") from error
    found_inputs = {item.name for item in session.get_inputs()}
    found_outputs = {item.name for item in session.get_outputs()}
    if found_inputs != set(inputs) or not found_outputs.issuperset(outputs):
        raise CheckpointError(f"{path}: not the network that was expected")
    return session
