"""`dragoman sessions replay`, `rerun` and `repair`, on what runs left behind."""

import json
import math
import sqlite3
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from app.running.delivery import Outputs
from app.running.replay import Replay, ReplayError, parse_pace
from app.sessions.comparison import align
from app.sources.timer import Timer
from engine.captions import Caption
from tests.app.conftest import Machine
from tests.app.fakes import caption
from tests.app.running.test_run import captions_of
from tests.fakes import ManualClock

QUIET = ("--show", "none")


def live(machine: Machine, *arguments: str, typed: str = "") -> list[Caption]:
    done = machine.run("run", *arguments, *QUIET, "--jsonl", "-", *machine.options, typed=typed)
    assert done.returncode == 0, done.stderr
    return captions_of(done.stdout)


def replayed(machine: Machine, *arguments: str) -> list[Caption]:
    done = machine.run("sessions", "replay", "--pace", "fast", *QUIET, "--jsonl", "-", *arguments)
    assert done.returncode == 0, done.stderr
    return captions_of(done.stdout)


def test_a_replay_gives_every_caption_as_it_was_under_a_new_name(machine: Machine) -> None:
    before = live(machine, "-", typed="the café opens at nine\ngood morning\n")
    again = replayed(machine)
    assert again[0].session != before[0].session
    assert [replace(c, session=before[0].session) for c in again] == before


def test_a_replay_goes_to_files_and_to_the_terminal(machine: Machine) -> None:
    live(machine, "-", typed="good morning\n")
    srt = machine.home / "talk.srt"
    done = machine.run(
        "sessions", "replay", "--pace", "fast", "--show", "terminal", "--srt", str(srt)
    )
    assert done.returncode == 0
    assert "MORNING GOOD" in done.stderr
    assert "MORNING GOOD" in srt.read_text()


def test_the_settings_say_where_the_journal_is(machine: Machine) -> None:
    config = machine.home / "config" / "dragoman" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f"[run]\njournal = '{machine.home / 'elsewhere.sqlite3'}'\n")
    before = live(machine, "-", typed="good morning\n")
    assert len(replayed(machine)) == len(before)
    assert not machine.journal.exists()


def test_a_replay_is_not_kept_as_a_session(machine: Machine) -> None:
    live(machine, "-", typed="good morning\n")
    replayed(machine)
    assert len(machine.run("sessions", "list").stdout.splitlines()) == 1


@pytest.mark.parametrize("pace", ["slow", "0", "-1", "nan", ""])
def test_a_pace_that_is_none_is_refused(pace: str) -> None:
    with pytest.raises(ReplayError, match="--pace is"):
        parse_pace(pace)


@pytest.mark.parametrize(("pace", "expected_s"), [("real", [1.5, 3.5]), ("2", [0.75, 1.75])])
async def test_captions_come_at_the_pace_at_which_they_came(
    pace: str, expected_s: list[float]
) -> None:
    clock = ManualClock()

    async def sleep(seconds: float) -> None:
        clock.now_s += seconds

    captions = [
        replace(caption(i), start_s=10.0, emitted_s=at_s) for i, at_s in ((0, 11.5), (1, 13.5))
    ]
    replay = Replay(captions, parse_pace(pace), Outputs(), timer=Timer(clock, sleep))
    assert [clock() async for _ in replay.captions()] == expected_s


async def test_a_replay_that_is_stopped_ends_before_the_next_caption() -> None:
    replay = Replay([caption(0), replace(caption(1), emitted_s=1e6)], 1.0, Outputs())
    async with aclosing(replay.captions()) as captions:
        await anext(captions)
        replay.stop()
        with pytest.raises(StopAsyncIteration):
            await anext(captions)


def test_fast_is_without_a_wait() -> None:
    assert parse_pace("fast") == math.inf


def test_a_rerun_of_text_shows_both_translations(machine: Machine) -> None:
    live(machine, "-", typed="a very good morning to you\nand to all of you\n")
    options = ("--translator", "reta", *machine.options)
    done = machine.run("sessions", "rerun", *options, "--json", "-")
    result = json.loads(done.stdout)
    assert result["heard"] == "the text of the journal"
    assert [run["system"] for run in result["runs"]] == ["then: fretna", "now: reta"]
    assert [row["source"] for row in result["rows"]] == [
        "a very good morning to you",
        "and to all of you",
    ]
    assert all(row["before"] == row["now"] for row in result["rows"])
    assert result["bleu_against_the_first"] == pytest.approx(100.0)
    table = machine.run("sessions", "rerun", *options).stdout
    assert "MORNING" in table
    assert "BLEU" in table


def test_a_rerun_hears_the_recorded_sound_unless_told_otherwise(machine: Machine) -> None:
    file = machine.sound("talk.wav", [(3, 0.5), (1, 0), (2, 0.5)])
    live(machine, str(file), "--pace", "fast", "--record")
    for option, heard in ((), "the recorded sound"), (("--text",), "the text of the journal"):
        done = machine.run("sessions", "rerun", *option, *machine.options, "--json", "-")
        result = json.loads(done.stdout)
        assert result["heard"] == heard
        assert result["runs"][0]["n_words"] >= 8
        assert abs(result["runs"][0]["n_words"] - result["runs"][1]["n_words"]) <= 2


def test_rows_hold_what_overlaps() -> None:
    def final(seq: int, start_s: float, end_s: float) -> Caption:
        return replace(caption(seq, seq, final=True), start_s=start_s, end_s=end_s)

    before = [final(0, 0.0, 2.0), final(1, 2.0, 4.0), final(2, 9.0, 9.5)]
    now = [final(0, 0.0, 4.0), final(1, 5.0, 6.0)]
    rows = align(before, now)
    assert [row.start_s for row in rows] == [0.0, 5.0, 9.0]
    assert [bool(row.before) for row in rows] == [True, False, True]
    assert [bool(row.now) for row in rows] == [True, True, False]


def test_repair_puts_a_new_journal_in_the_place_of_a_damaged_one(machine: Machine) -> None:
    live(machine, "-", typed="the café opens at nine\n" * 40)
    damage_last_page(machine.journal)
    done = machine.run("sessions", "repair")
    assert done.returncode == 0, done.stderr
    assert "captions of 1 sessions" in done.stdout
    assert "kept as" in done.stdout
    assert "opens" in machine.run("sessions", "show").stdout
    assert machine.run("sessions", "repair").stdout.endswith("nothing is wrong with it\n")
    assert len(list(machine.journal.parent.glob("journal-damaged-*.sqlite3"))) == 1


def test_repair_says_when_there_is_nothing_to_repair_with(machine: Machine) -> None:
    assert "there is no journal" in machine.run("sessions", "repair").stderr
    machine.journal.parent.mkdir(parents=True)
    machine.journal.write_text("Dear Sir or Madam, " * 1000)
    done = machine.run("sessions", "repair")
    assert done.returncode == 2
    assert "no caption can be found" in done.stderr
    assert machine.journal.read_text().startswith("Dear Sir")


def test_repair_leaves_a_journal_alone_that_is_being_written(machine: Machine) -> None:
    with machine.start("run", "-", *QUIET, "--jsonl", "-", *machine.options) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"good morning\n")
        process.stdin.flush()
        process.stdout.readline()
        done = machine.run("sessions", "repair")
        process.stdin.close()
    assert done.returncode == 2
    assert "is being written; end it first" in done.stderr


def damage_last_page(path: Path, n_pages: int = 1) -> None:
    with sqlite3.connect(path) as journal:
        journal.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    journal.close()
    with path.open("r+b") as file:
        file.seek(-4096 * n_pages, 2)
        file.write(b"\xff" * 4096 * n_pages)
