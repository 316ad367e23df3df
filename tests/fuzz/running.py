"""Starts the coverage-guided fuzzer."""

import re
import subprocess
from pathlib import Path

from tests.environments import ROOT, python_with

PROGRAM = ROOT / "tests" / "fuzz" / "coverage_guided.py"


def fuzz(name: str, folder: Path, *, seconds: float) -> int:
    """Throw bytes at a parser for so long; how many times it ran.

    Raises:
        AssertionError: an error came out of it that it does not announce; the text says which.
    """
    corpus = folder / name
    corpus.mkdir()
    options = (f"-max_total_time={seconds:.0f}", f"-artifact_prefix={corpus}/", "-rss_limit_mb=0")
    done = subprocess.run(
        [python_with("fuzz"), PROGRAM, name, corpus, "-seed=6", "-print_final_stats=1", *options],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + 300,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
    assert found is not None, done.stderr[-4000:]
    return int(found[1])
