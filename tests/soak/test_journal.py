"""The journal under SIGKILL: every final that a consumer saw is in it, once, whenever it came."""

import contextlib
import itertools
import os
import random
import signal
import threading

from engine.captions import Caption
from engine.journal import Journal
from tests.app.conftest import Machine, machine  # noqa: F401 (a fixture)

N_KILLS = 50
LONGEST_LIFE_S = 2.0


def test_50_kills_lose_no_final_that_was_seen(machine: Machine) -> None:  # noqa: F811
    rng = random.Random(0)
    seen: dict[str, list[int]] = {}
    for _ in range(N_KILLS):
        for caption in live_and_die(machine, rng.uniform(0.0, LONGEST_LIFE_S)):
            if caption.final:
                seen.setdefault(caption.session, []).append(caption.seq)
    with Journal.open(machine.journal) as journal:
        kept = {
            record.id: [c.seq for c in journal.captions(record.id, finals_only=True)]
            for record in journal.sessions()
        }
        assert {record.state for record in journal.sessions()} == {"interrupted"}
    n_seen = sum(map(len, seen.values()))
    print(f"\n{N_KILLS} kills, {n_seen} finals seen, {sum(map(len, kept.values()))} in the journal")
    assert n_seen > N_KILLS
    for session, finals in seen.items():
        assert kept[session][: len(finals)] == finals
        assert len(kept[session]) == len(set(kept[session]))


def live_and_die(machine: Machine, life_s: float) -> list[Caption]:  # noqa: F811
    """What a consumer read of a run that is killed so long after its first caption."""
    with machine.start("run", "-", "--show", "none", "--jsonl", "-", *machine.options) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        talking = threading.Thread(target=talk, args=(process.stdin.fileno(),))
        talking.start()
        lines = [process.stdout.readline()]
        killing = threading.Timer(life_s, os.kill, (process.pid, signal.SIGKILL))
        killing.start()
        lines += process.stdout.readlines()
        talking.join()
        killing.join()
    assert process.returncode == -signal.SIGKILL
    return [Caption.from_json(line) for line in lines if line.endswith(b"\n")]


def talk(pipe: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        for number in itertools.count():
            os.write(pipe, f"this is sentence number {number}\n".encode())
