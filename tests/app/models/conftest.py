"""Where a run keeps the exports that it makes for itself."""

import subprocess
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from app import cli


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder in which there is nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return platformdirs.user_cache_path("dragoman") / "exports"


@pytest.fixture
def exported_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports are made by this process, which has torch already: a tenth of the time."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, cli.main(command[3:]), stderr="")

    monkeypatch.setattr(subprocess, "run", run)
