"""Everything that can be wrong with what a user gives: one clear line and exit code 2."""

import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.captions import Caption
from tests.app.conftest import Machine
from tests.app.running.test_run import QUIET, captions_of, one_line_error
from tests.patience import TIMEOUT_S

Dragoman = Callable[..., subprocess.CompletedProcess[str]]


def test_a_missing_file(dragoman: Dragoman) -> None:
    assert "no-such.wav" in one_line_error(dragoman("no-such.wav", *QUIET))


def test_a_file_that_is_no_sound(machine: Machine, dragoman: Dragoman) -> None:
    file = machine.home / "letter.wav"
    file.write_text("Dear Sir or Madam, " * 100)
    assert "letter.wav" in one_line_error(dragoman(str(file), *QUIET))


def test_a_folder(machine: Machine, dragoman: Dragoman) -> None:
    assert str(machine.home) in one_line_error(dragoman(str(machine.home), *QUIET))


def test_silence_only(machine: Machine, dragoman: Dragoman) -> None:
    file = machine.sound("silence.wav", [(5, 0.0)])
    assert "no speech" in one_line_error(dragoman(str(file), "--pace", "fast", *QUIET))


@pytest.mark.parametrize("typed", ["", "\n\n  \n"])
def test_an_empty_text(dragoman: Dragoman, typed: str) -> None:
    assert "nothing to translate" in one_line_error(dragoman("-", *QUIET, typed=typed))


def test_a_file_of_hours(machine: Machine, dragoman: Dragoman) -> None:
    file = machine.sound("hours.wav", [(3 * 3600 - 4, 0.0), (4, 0.5)])
    done = dragoman(str(file), "--pace", "fast", *QUIET, "--jsonl", "-")
    assert done.returncode == 0, done.stderr
    assert captions_of(done.stdout)[-1].end_s == pytest.approx(3 * 3600, abs=1)


def test_a_line_of_ten_thousand_words(dragoman: Dragoman) -> None:
    words = [f"w{i}" for i in range(10_000)]
    done = dragoman("-", *QUIET, "--jsonl", "-", typed=" ".join(words))
    assert done.returncode == 0, done.stderr
    finals = [caption for caption in captions_of(done.stdout) if caption.final]
    assert " ".join(caption.source.full for caption in finals).split() == words


def test_bytes_that_are_not_utf_8(dragoman: Dragoman) -> None:
    done = dragoman(
        "-", *QUIET, "--no-journal", "--jsonl", "-", typed=b"gr\xfc\xdfe aus\nK\xf6ln\n"
    )
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1
    assert "UTF-8" in done.stderr
    assert [caption.final for caption in captions_of(done.stdout)] == [True, True]


def test_an_unknown_language_pair_names_those_there_are(dragoman: Dragoman) -> None:
    line = one_line_error(dragoman("-", "--from", "en", "--to", "tlh", *QUIET))
    assert "--from en --to de" in line


def test_no_recogniser_for_the_language(machine: Machine, dragoman: Dragoman) -> None:
    machine.add_model("fr-de", kind="fretna", source_lang="fr", target_lang="de")
    file = machine.sound("talk.wav", [(1, 0.5)])
    assert "'fr'" in one_line_error(dragoman(str(file), "--from", "fr", *QUIET))


def test_a_folder_of_models_that_is_not_there(machine: Machine) -> None:
    done = machine.run("run", "-", "--models", "/no/such/folder", *QUIET)
    assert "/no/such/folder" in one_line_error(done)


def test_a_checkpoint_that_is_truncated(machine: Machine) -> None:
    weights = machine.models / "en-de-fretna" / "model.safetensors"
    weights.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")
    done = machine.run("run", "-", *QUIET, *machine.options, typed="hello", fake=False)
    assert str(weights) in one_line_error(done)


def test_a_checkpoint_without_weights(machine: Machine) -> None:
    done = machine.run("run", "-", *QUIET, *machine.options, typed="hello", fake=False)
    assert "model.safetensors" in one_line_error(done)


def test_a_config_json_that_is_none(machine: Machine, dragoman: Dragoman) -> None:
    file = machine.models / "en-de-fretna" / "config.json"
    file.write_text('{"kind": "fret')
    assert str(file) in one_line_error(dragoman("-", *QUIET))


def test_an_output_that_cannot_be_written(machine: Machine, dragoman: Dragoman) -> None:
    file = machine.home / "no-such-folder" / "out.srt"
    line = one_line_error(dragoman("-", *QUIET, "--srt", str(file), typed="hello"))
    assert str(file) in line


def test_a_journal_that_is_something_else(machine: Machine, dragoman: Dragoman) -> None:
    file = machine.home / "letter.txt"
    file.write_text("Dear Sir or Madam, " * 100)
    line = one_line_error(dragoman("-", *QUIET, "--journal", str(file), typed="hello"))
    assert str(file) in line


def test_a_full_disk_under_the_journal_does_not_end_the_session(machine: Machine) -> None:
    machine.run("run", "-", *QUIET, *machine.options, typed="before\n")

    def fill_the_disk() -> None:
        size = machine.journal.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = subprocess.run(
        machine.command("run", "-", *QUIET, "--jsonl", "-", *machine.options),
        input=b"one two three\n" * 2000,
        capture_output=True,
        env=machine.environment,
        preexec_fn=fill_the_disk,
        timeout=TIMEOUT_S,
        check=False,
    )
    captions = captions_of(done.stdout.decode())
    assert sum(caption.final for caption in captions) == 2000
    assert b"journal" in done.stderr
    assert b"Traceback" not in done.stderr
    assert "before" in machine.run("sessions", "search", "before").stdout


def test_a_full_disk_under_a_subtitle_file(dragoman: Dragoman) -> None:
    done = dragoman(
        "-", *QUIET, "--no-journal", "--srt", "/dev/full", "--jsonl", "-", typed="a\nb\n"
    )
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "incomplete" in done.stderr
    assert [Caption.from_json(line).final for line in done.stdout.splitlines()] == [True, True]


def test_a_port_that_is_taken(dragoman: Dragoman, tmp_path: Path) -> None:
    line = one_line_error(dragoman("-", *QUIET, "--feed", "192.0.2.1:0", "--feed-token", "x"))
    assert "192.0.2.1" in line


def test_a_feed_for_other_machines_without_a_token(dragoman: Dragoman) -> None:
    assert "--feed-token" in one_line_error(dragoman("-", *QUIET, "--feed", "0.0.0.0:0"))


def test_an_unknown_setting(machine: Machine, dragoman: Dragoman) -> None:
    file = machine.home / "config" / "dragoman" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[run]\ncolour = 'red'\n")
    line = one_line_error(dragoman("-", *QUIET))
    assert "colour" in line
    assert str(file) in line


def test_a_bug_shows_its_traceback_and_the_finals_before_it_are_kept(
    machine: Machine, dragoman: Dragoman
) -> None:
    done = dragoman("-", *QUIET, typed="good morning\ncrash\n")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "good morning" in machine.run("sessions", "show").stdout


def test_a_recogniser_of_one_language_does_not_find_the_language_out(
    machine: Machine, dragoman: Dragoman
) -> None:
    file = machine.sound("tone.wav", [(1, 0.5)])
    line = one_line_error(dragoman(str(file), "--from", "auto", *QUIET))
    assert "owsm-ctc-en hears only en: --from en" in line


def test_the_language_of_text_is_not_found_out(machine: Machine, dragoman: Dragoman) -> None:
    machine.add_model("more", kind="owsm-ctc", source_lang="de", languages=["de", "en"])
    assert "--from" in one_line_error(dragoman("-", "--from", "auto", *QUIET, typed="a"))
    line = one_line_error(dragoman("-", "--translator", "owsm-st", *QUIET, typed="a"))
    assert "not text" in line
