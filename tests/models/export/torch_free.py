"""Whether a program does without torch."""

import subprocess
import sys
from pathlib import Path

from tests.patience import TIMEOUT_S

ROOT = Path(__file__).parents[3]


def loads_torch(program: str) -> bool:
    """Run Python statements in a process of their own; say whether torch was imported."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint('torch' in sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=ROOT,
    )
    return done.stdout.split()[-1] == "True"
