"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

_ENGINES = ("torch", "ctranslate2", "onnxruntime")


def describe_machine() -> str:
    """Processor, cores, CUDA card where there is one, and the versions of the engines."""
    import torch

    parts = [f"{_processor()}, {os.cpu_count()} cores"]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join([*parts, *(f"{name} {version(name)}" for name in _ENGINES)])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
