"""The journal of a run: what is wrong with it ends no stream, and what has expired goes."""

import os
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.sessions.sound_recording import recording_file
from app.sources.decoding import SoundFile
from tests.app.conftest import Machine
from tests.app.running.test_run import QUIET, captions_of, one_line_error
from tests.app.sessions.test_sessions_again import damage_last_page

Dragoman = Callable[..., subprocess.CompletedProcess[str]]


def finals(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [c.source.full for c in captions_of(done.stdout) if c.final]


def sessions(machine: Machine) -> list[str]:
    return [line.split()[0] for line in machine.run("sessions", "list").stdout.splitlines()]


def test_a_folder_that_cannot_be_written_is_one_line_and_the_stream_goes_on(
    machine: Machine, dragoman: Dragoman
) -> None:
    folder = machine.home / "kept"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):  # a superuser: nothing but a file in the way stops him
        folder.rmdir()
        folder.write_text("")
    done = dragoman(
        "-", *QUIET, "--jsonl", "-", "--journal", str(folder / "j.sqlite3"), typed="hello\n"
    )
    assert (done.returncode, finals(done)) == (0, ["hello"])
    assert "journal" in done.stderr
    assert "nothing of it is kept" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_corrupted_last_page_does_not_end_the_stream(
    machine: Machine, dragoman: Dragoman
) -> None:
    dragoman("-", *QUIET, typed="the café opens at nine\n" * 60)
    damage_last_page(machine.journal, 4)  # the one that is written next is among them
    typed = "".join(f"this is number {i}\n" for i in range(100))
    done = dragoman("-", *QUIET, "--jsonl", "-", typed=typed)
    assert done.returncode == 0
    assert len(finals(done)) == 100
    assert "Traceback" not in done.stderr
    assert "dragoman sessions repair" in done.stderr


def test_a_session_that_is_not_kept_is_not_said_to_be(machine: Machine, dragoman: Dragoman) -> None:
    assert "Kept: dragoman sessions show" in dragoman("-", *QUIET, typed="hello\n").stderr
    with sqlite3.connect(machine.journal) as journal:
        for table in ("sessions", "captions"):
            journal.execute(
                f"CREATE TRIGGER full_{table} BEFORE INSERT ON {table}"
                " BEGIN SELECT RAISE(FAIL, 'no room'); END"
            )
    journal.close()
    done = dragoman("-", *QUIET, typed="hello\n")
    assert done.returncode == 0
    assert "Kept" not in done.stderr
    assert done.stderr.count("the session goes on") == 1


def test_sessions_that_have_expired_go_with_their_sound(
    machine: Machine, dragoman: Dragoman
) -> None:
    file = machine.sound("talk.wav", [(2, 0.5)])
    dragoman(str(file), *QUIET, "--pace", "fast", "--record")
    (old,) = sessions(machine)
    sound = recording_file(machine.journal, old)
    with SoundFile(sound) as recorded:
        assert recorded.duration_s == pytest.approx(2.0, abs=0.1)
    with sqlite3.connect(machine.journal) as journal:
        month_s = 31 * 86_400
        journal.execute("UPDATE sessions SET started_at = ?", (time.time() - month_s,))
    journal.close()
    dragoman("-", *QUIET, "--keep-days", "32", typed="good morning\n")
    assert old in sessions(machine)
    dragoman("-", *QUIET, "--keep-days", "30", typed="good evening\n")
    assert len(sessions(machine)) == 2
    assert not sound.exists()


def test_the_settings_file_bounds_the_size(machine: Machine, dragoman: Dragoman) -> None:
    config = machine.home / "config" / "dragoman" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[retention]\nmegabytes = 0.01\n")
    for _ in range(3):
        dragoman("-", *QUIET, typed="the café opens at nine\n" * 40)
    assert len(sessions(machine)) == 1


def test_sound_is_not_recorded_without_a_journal(dragoman: Dragoman) -> None:
    done = dragoman("-", *QUIET, "--record", "--no-journal", typed="hello\n")
    assert "record keeps the sound beside the journal" in one_line_error(done)


def test_typed_text_has_no_sound_to_record(machine: Machine, dragoman: Dragoman) -> None:
    dragoman("-", *QUIET, "--record", typed="hello\n")
    assert not list(Path(machine.journal.parent).glob("*-sound"))
