"""Owners of sessions: a living process is told from a dead one of the same number."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.owner import is_alive, this_process


def test_this_process_is_alive_under_its_own_name_only() -> None:
    assert is_alive(this_process())
    assert not is_alive(f"{os.getpid()}:another boot:1")


@pytest.mark.parametrize("owner", ["", "nonsense", "999999999999999999999:x:1"])
def test_owner_that_cannot_be_is_dead(owner: str) -> None:
    assert not is_alive(owner)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_killed_process_is_dead_even_before_it_is_collected() -> None:
    program = "import sys; from engine.owner import this_process; print(this_process(), flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", program + "; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        owner = process.stdout.readline().strip()
        assert is_alive(owner)
        process.kill()
        assert process.stdout.read() == ""  # it has ended; nobody has waited for it yet
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(owner)
    assert not is_alive(owner)
