"""Which engine an exported translator is for."""

from pathlib import Path

from models.checkpoint import read_config
from models.export.ctranslate2 import export
from models.export.engine import MODEL_FOLDER
from models.export.onnx_autoregressive import export_autoregressive
from models.export.onnx_stream import export_stream
from models.onnx_session import ONNX_FOLDER


def export_translator(checkpoint: Path, out: Path, *, int8: bool, engine: str = "auto") -> Path:
    """Write a folder that `engine.policies.loader` runs without torch.

    Args:
        checkpoint: a `reta` or `wait-k` checkpoint, or a `fretna` one of the `stream` form.
        out: folder to write; what an earlier export left there is replaced.
        int8: quantise the weights; activations are quantised as they come.
        engine: for `reta` there are two, `ctranslate2` (greedy, beam search, bias; `auto`) and
            `onnx` (greedy, verified drafts); what else there is has one.

    Returns:
        The file or folder that holds the network.

    Raises:
        CheckpointError: the checkpoint is missing, damaged or of another kind.
        ExportError: a package that it takes is not installed.
    """
    config = read_config(checkpoint)
    if config.get("kind") == "wait-k" or (config.get("kind") == "reta" and engine == "onnx"):
        export_autoregressive(checkpoint, out, int8=int8)
        return out / ONNX_FOLDER
    if config.get("form") == "stream":
        return export_stream(checkpoint, out, int8=int8)
    export(checkpoint, out, "int8" if int8 else "float32")
    return out / MODEL_FOLDER


def has_engine(checkpoint: Path) -> bool:
    """Whether `export_translator` can write this checkpoint.

    Raises:
        CheckpointError: its configuration is missing or damaged.
    """
    config = read_config(checkpoint)
    return config.get("kind") in ("reta", "wait-k") or config.get("form") == "stream"
