"""Pythons that have other people's programs, in virtual environments of their own.

These bring many packages that nothing else here needs. An environment holds one extra of
pyproject.toml, is made once, in `build/`, and sees the packages of the environment that runs the
tests, after its own.
"""

import subprocess
import sys
import sysconfig
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@cache
def python_with(extra: str) -> Path:
    """The interpreter that has an extra; skips the test where that cannot be installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = sorted(project["project"]["optional-dependencies"][extra])
    folder = ROOT / "build" / extra
    python, stamp = folder / "bin" / "python", folder / "stamp"
    if stamp.exists() and stamp.read_text() == "\n".join(packages):
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt"]
    # Of simulstream its log reader and its client are used, which need neither torch nor librosa.
    alone = [package for package in packages if package.startswith("simulstream")]
    others = [package for package in packages if package not in alone]
    for arguments in (others, ["--no-deps", *alone] if alone else []):
        if not arguments:
            continue
        done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"pip cannot install {extra}: {done.stderr.strip()[-300:]}")
    ours = sysconfig.get_paths()["purelib"]
    for site in folder.glob("lib/python*/site-packages"):
        (site / "ours.pth").write_text(f"{ours}\n{ROOT}\n")
    stamp.write_text("\n".join(packages))
    return python
