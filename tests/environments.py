"""Pythons that have other people's programs, in virtual environments of their own.

These bring many packages that nothing else here needs. An environment holds what a file of
`tests/requirements/` lists, is made once, in `build/`, and sees the packages of the environment
that runs the tests, after its own.
"""

import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def python_with(name: str) -> Path:
    """The interpreter of an environment; skips the test where that cannot be installed."""
    folder, error = _make(name)
    if error:
        pytest.skip(f"pip cannot install tests/requirements/{name}.txt: {error[-300:]}")
    return folder / "bin" / "python"


@cache
def _make(name: str) -> tuple[Path, str]:
    """The folder of an environment, and what pip complained of."""
    requirements = ROOT / "tests" / "requirements" / f"{name}.txt"
    folder = ROOT / "build" / name
    stamp, wanted = folder / "stamp", requirements.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return folder, ""
    venv = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)]
    subprocess.run(venv, check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
    done = subprocess.run(
        [*pip, "--quiet", "--no-deps", "-r", requirements],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return folder, done.stderr.strip()
    ours = sysconfig.get_paths()["purelib"]
    for site in folder.glob("lib/python*/site-packages"):
        (site / "ours.pth").write_text(f"{ours}\n{ROOT}\n", encoding="utf-8")
    stamp.write_text(wanted, encoding="utf-8")
    return folder, ""
