"""What the README shows works as written."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import parser
from app.models.registry import Registry, RegistryError
from tests.patience import TIMEOUT_S

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
    if line.startswith("dragoman ")
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_the_commands_are_understood(arguments: list[str]) -> None:
    parser().parse_args([argument for argument in arguments if argument != "…"])


def test_the_python_example_translates_what_is_typed() -> None:
    try:
        Registry().find_translator("fretna", "en", "de")
    except RegistryError:
        pytest.skip("the translator of the example is not shipped yet")
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    done = subprocess.run(
        [sys.executable, "-c", example],
        input="Good morning.\n",
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=TIMEOUT_S,
    )
    assert "|" in done.stdout
