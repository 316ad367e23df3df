"""Every parser under bytes that are grown towards its unvisited lines."""

import os
from pathlib import Path

import pytest

from tests.app.parsers import PARSERS
from tests.fuzz.running import fuzz

SECONDS = float(os.environ.get("SOAK_S", "60")) / 4


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_under_guided_bytes(name: str, tmp_path: Path) -> None:
    n_runs = fuzz(name, tmp_path, seconds=SECONDS)
    print(f"\n{name}: {n_runs} inputs in {SECONDS:.0f} s, no error that is not announced")
