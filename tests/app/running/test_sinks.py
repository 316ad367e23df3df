"""Files of captions: none is written over what a run reads, nor over another."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.conftest import Machine
from tests.app.running.test_run import QUIET, one_line_error

Dragoman = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("option", ["--srt", "--vtt", "--jsonl"])
def test_subtitles_are_not_written_over_the_recording(
    machine: Machine, dragoman: Dragoman, option: str
) -> None:
    file = machine.sound("talk.wav", [(1, 0.5)])
    recording = file.read_bytes()
    (machine.home / "link.wav").symlink_to(file)
    done = dragoman(str(file), *QUIET, option, str(machine.home / "link.wav"))
    assert "link.wav: that is the source" in one_line_error(done)
    assert file.read_bytes() == recording


def test_subtitles_are_not_written_over_the_journal(machine: Machine, dragoman: Dragoman) -> None:
    dragoman("-", *QUIET, typed="hello\n")
    kept = machine.journal.read_bytes()
    replayed = machine.run("sessions", "replay", *QUIET, "--srt", str(machine.journal))
    for done in (replayed, dragoman("-", *QUIET, "--srt", str(machine.journal), typed="hello\n")):
        assert "that is the journal" in one_line_error(done)
    assert machine.journal.read_bytes() == kept


def test_two_forms_are_not_written_into_one_file(tmp_path: Path, dragoman: Dragoman) -> None:
    both = str(tmp_path / "talk.txt")
    done = dragoman("-", *QUIET, "--srt", both, "--vtt", both, typed="hello\n")
    assert "talk.txt: that is the file of --srt" in one_line_error(done)
    done = dragoman("-", *QUIET, "--srt", "/dev/null", "--vtt", "/dev/null", typed="hello\n")
    assert done.returncode == 0, done.stderr
