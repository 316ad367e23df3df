"""ONNX Runtime tells nobody anything: what it would tell, it keeps in the user's cache folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import TIMEOUT_S

ROOT = Path(__file__).parents[2]
USERS = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("models", "engine", "app", "ui")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "import onnxruntime" in path.read_text(encoding="utf-8")
    or "from onnxruntime" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", USERS)
def test_no_module_loads_onnx_runtime_with_its_telemetry(module: str, tmp_path: Path) -> None:
    program = f"import {module}, onnxruntime; onnxruntime.get_available_providers()"
    environment = {
        name: value for name, value in os.environ.items() if name[:4] not in ("ORT_", "XDG_")
    }
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        timeout=TIMEOUT_S,
        cwd=ROOT,
        env={**environment, "HOME": str(tmp_path)},
    )
    assert list(tmp_path.rglob("*onnxruntime*")) == []
