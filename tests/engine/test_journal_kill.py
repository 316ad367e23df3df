"""A kill at any moment: every final that was shown is in the journal, once."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.journal import Journal
from tests.fakes import in_order

PROGRAM = """
import asyncio, itertools, sys
from pathlib import Path
from engine.journal import Journal
from engine.live_text import LiveText
from engine.pipeline import run
from tests.fakes import FakeTranslator, ManualClock, upper

async def talk():
    for i in itertools.count():
        yield f"we say num"
        yield f"ber {i}\\n"
        await asyncio.sleep(0)

async def main():
    clock = ManualClock()
    journal = Journal.open(Path(sys.argv[1]))
    async for caption in run(
        talk(), LiveText("en", clock), FakeTranslator(upper),
        session="s", clock=clock, journal=journal,
    ):
        if caption.final:
            print(caption.seq, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("n_finals", [1, 7, 40])
def test_killed_process_leaves_every_shown_final_in_the_journal_once(
    tmp_path: Path, n_finals: int
) -> None:
    path = tmp_path / "journal.sqlite3"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        shown = [process.stdout.readline() for _ in range(n_finals)]
        process.kill()
        shown += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    finals = [int(line) for line in shown if line.endswith("\n")]
    assert len(finals) >= n_finals
    with Journal.open(path) as journal:
        kept = in_order(journal.captions("s"))
        assert journal.sessions()[0].state == "interrupted"
    kept_finals = [c.seq for c in kept if c.final]
    assert kept_finals[: len(finals)] == finals
