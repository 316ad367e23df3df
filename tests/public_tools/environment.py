"""A Python that has the evaluation tools of the field, in a virtual environment of its own.

They bring some forty packages that nothing else here needs. The environment is made once, in
`build/`; it sees the packages of the environment that runs the tests, after its own.
"""

import subprocess
import sys
import sysconfig
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "public-tools"
PYTHON = FOLDER / "bin" / "python"


@cache
def python_with_tools() -> Path:
    """The interpreter; skips the test where the tools cannot be installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tools = sorted(project["project"]["optional-dependencies"]["tools"])
    stamp = FOLDER / "stamp"
    if stamp.exists() and stamp.read_text() == "\n".join(tools):
        return PYTHON
    subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt"]
    # Only simulstream's log reader is used, which needs neither torch nor librosa.
    alone = [tool for tool in tools if tool.startswith("simulstream")]
    for arguments in ([tool for tool in tools if tool not in alone], ["--no-deps", *alone]):
        done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"pip cannot install the evaluation tools: {done.stderr.strip()[-300:]}")
    ours = sysconfig.get_paths()["purelib"]
    for packages in FOLDER.glob("lib/python*/site-packages"):
        (packages / "ours.pth").write_text(f"{ours}\n{ROOT}\n")
    stamp.write_text("\n".join(tools))
    return PYTHON
