"""`dragoman run` as its user meets it: a program with a command line, files, a terminal."""

import json
import os
import re
import select
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.sync.client import connect

from engine.captions import Caption
from tests.app.conftest import Machine
from tests.fakes import in_order
from tests.patience import TIMEOUT_S

Dragoman = Callable[..., subprocess.CompletedProcess[str]]
QUIET = ("--show", "none")


def captions_of(output: str) -> list[Caption]:
    return in_order(map(Caption.from_json, output.splitlines()))


def sentence(count: int) -> str:
    return " ".join(f"word{i}" for i in range(count))


def read_until(stream: int, pattern: bytes, timeout_s: float = TIMEOUT_S) -> bytes:
    """What a process writes until the pattern is in it."""
    seen = b""
    while not re.search(pattern, seen):
        ready, _, _ = select.select([stream], [], [], timeout_s)
        data = os.read(stream, 65536) if ready else b""
        assert data, f"ended or fell silent after {seen!r}"
        seen += data
    return seen


def one_line_error(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_text_becomes_captions_on_standard_output(dragoman: Dragoman) -> None:
    done = dragoman("-", *QUIET, "--jsonl", "-", typed="good morning\nall of you")
    assert done.returncode == 0, done.stderr
    finals = [caption for caption in captions_of(done.stdout) if caption.final]
    assert [final.source.full for final in finals] == ["good morning", "all of you"]
    assert finals[0].target.lang == "de"


def test_a_file_gives_revisions_and_finals_and_the_same_in_every_run(
    machine: Machine, dragoman: Dragoman
) -> None:
    file = machine.sound("talk.wav", [(3, 0.5), (1, 0), (2, 0.5)])
    arguments = (str(file), "--pace", "fast", *QUIET, "--jsonl", "-", "--stability", "off")
    first, second = (captions_of(dragoman(*arguments).stdout) for _ in range(2))
    assert sum(caption.final for caption in first) == 3
    assert any(caption.erased for caption in first)
    assert [c.target for c in first] == [c.target for c in second]


def test_the_budget_is_held_and_is_small_unless_it_is_turned_off(
    machine: Machine, dragoman: Dragoman
) -> None:
    file = machine.sound("talk.wav", [(6, 0.5)])
    arguments = (str(file), "--pace", "fast", *QUIET, "--jsonl", "-")
    shown = [
        captions_of(dragoman(*arguments, *options).stdout)
        for options in (("--stability", "off"), (), ("--stability", "0"))
    ]
    free, usual, none = (sum(caption.erased for caption in captions) for captions in shown)
    n_words = sum(len(c.target.full.split()) for c in shown[0] if c.final)
    assert free > 0.2 * n_words >= usual
    assert none == 0
    finals = [[c.source for c in captions if c.final] for captions in shown]
    assert finals[0] == finals[1] == finals[2]


def test_a_budget_and_a_delay_cannot_both_be_held(dragoman: Dragoman) -> None:
    done = dragoman("-", *QUIET, "--stability", "0.2", "--delay", "2")
    assert "give one of them" in one_line_error(done)


def test_all_outputs_have_all_finals(machine: Machine, dragoman: Dragoman) -> None:
    files = {form: machine.home / f"out.{form}" for form in ("jsonl", "srt", "vtt")}
    options = [text for form, file in files.items() for text in (f"--{form}", str(file))]
    done = dragoman("-", *QUIET, *options, typed="one two\nthree\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert len(captions_of(files["jsonl"].read_text())) >= 2
    assert re.findall(r"^[A-Z ]+$", files["srt"].read_text(), re.M) == ["TWO ONE", "THREE"]
    assert files["vtt"].read_text().startswith("WEBVTT\n\n")
    with sqlite3.connect(machine.journal) as journal:
        assert journal.execute("SELECT count(*) FROM captions WHERE final").fetchone() == (2,)
    journal.close()


def test_a_terminal_that_is_none_gets_plain_lines_of_finals(dragoman: Dragoman) -> None:
    done = dragoman("-", "--show", "terminal", "--no-journal", typed="good morning\n")
    assert done.stderr.splitlines() == ["0:00  good morning", "      MORNING GOOD"]


def test_without_a_display_the_terminal_is_used(dragoman: Dragoman) -> None:
    done = dragoman("-", "--no-journal", typed="good morning\n")
    assert "MORNING GOOD" in done.stderr


def test_no_journal_leaves_nothing_behind(machine: Machine, dragoman: Dragoman) -> None:
    dragoman("-", *QUIET, "--no-journal", typed="good morning\n")
    assert not machine.journal.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_last_segment_and_saves_everything(
    machine: Machine, number: signal.Signals
) -> None:
    srt = machine.home / "out.srt"
    process = machine.start("run", "-", *QUIET, "--jsonl", "-", "--srt", str(srt), *machine.options)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"first line\nunfinished busi")
        process.stdin.flush()
        seen = read_until(process.stdout.fileno(), b"busi")
        process.send_signal(number)
        output, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 128 + number, errors
    captions = captions_of((seen + output).decode())
    assert captions[-1].final
    assert captions[-1].source.committed == "unfinished busi"
    assert "BUSI UNFINISHED" in srt.read_text()
    assert f"ended{'':7}" in machine.run("sessions", "list").stdout
    assert "unfinished busi" in machine.run("sessions", "show").stdout


def test_a_second_signal_quits_at_once_and_what_was_final_is_kept(machine: Machine) -> None:
    process = machine.start("run", "-", *QUIET, *machine.options)
    with process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"first line\nhang\n")
        process.stdin.flush()
        read_until(process.stderr.fileno(), b"hanging")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)  # two of the same could arrive as one
        # The kernel may hand them to different threads, so either can be the second.
        assert process.wait(timeout=TIMEOUT_S) in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert "first line" in machine.run("sessions", "show").stdout


def test_a_kill_leaves_every_final_in_the_journal(machine: Machine) -> None:
    process = machine.start("run", "-", *QUIET, "--jsonl", "-", *machine.options)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"first line\nsecond line\nthird")
        process.stdin.flush()
        read_until(process.stdout.fileno(), b"third")
        process.kill()
    listing = machine.run("sessions", "list").stdout
    assert "interrupted" in listing
    shown = machine.run("sessions", "show").stdout
    assert "first line" in shown
    assert "second line" in shown


def test_a_reader_that_has_enough_ends_the_session_in_order(machine: Machine) -> None:
    process = machine.start("run", "-", *QUIET, "--jsonl", "-", *machine.options)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"first line\n")
        process.stdin.flush()
        read_until(process.stdout.fileno(), b"first line")
        process.stdout.close()
        process.stdin.write(b"second line\n")
        process.stdin.flush()
        assert process.wait(timeout=TIMEOUT_S) == 0
        assert b"Traceback" not in process.stderr.read()
    assert "second line" in machine.run("sessions", "show").stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_standard_output_without_room_does_not_end_the_session(
    machine: Machine, tmp_path: Path
) -> None:
    srt = tmp_path / "talk.srt"
    options = (*QUIET, "--jsonl", "-", "--srt", str(srt))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            machine.command("run", "-", *options, *machine.options),
            input=b"good morning\nall of you\n",
            stdout=full,
            stderr=subprocess.PIPE,
            env=machine.environment,
            timeout=TIMEOUT_S,
            check=False,
        )
    assert srt.read_text().count("-->") == 2
    assert done.returncode == 2
    assert done.stderr.count(b"cannot write standard output: No space left on device") == 1
    assert b"Exception" not in done.stderr


def test_the_feed_serves_the_captions_of_a_run(machine: Machine) -> None:
    options = ("--feed", "localhost:0", "--no-journal", *machine.options)
    process = machine.start("run", "-", *QUIET, *options)
    with process:
        assert process.stdin is not None
        assert process.stderr is not None
        seen = read_until(process.stderr.fileno(), rb"ws://\S+/")
        found = re.search(rb"ws://\S+/", seen)
        assert found is not None
        with connect(found[0].decode()) as viewer:
            assert json.loads(viewer.recv(timeout=TIMEOUT_S))["captions"] == []
            process.stdin.write(b"good morning\n")
            process.stdin.close()
            caption = Caption.from_json(viewer.recv(timeout=TIMEOUT_S))
            assert caption.target.full == "MORNING GOOD"
        assert process.wait(timeout=TIMEOUT_S) == 0


def test_the_overlay_shows_a_run_and_ends_with_it(machine: Machine) -> None:
    pytest.importorskip("PyQt6")
    file = machine.sound("talk.wav", [(3, 0.5)])
    settings = machine.home / "overlay.toml"
    settings.write_text("[overlay]\ndwell_s = 1.0\ntray = false\n")
    machine.environment["QT_QPA_PLATFORM"] = "offscreen"
    options = ("--pace", "fast", "--show", "overlay", "--jsonl", "-", "--config", str(settings))
    done = machine.run("run", str(file), *options, *machine.options)
    assert done.returncode == 0, done.stderr
    assert sum(caption.final for caption in captions_of(done.stdout)) == 2
