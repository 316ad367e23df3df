"""`dragoman sessions`, on what runs left behind."""

import json

import pytest

from app.sessions.sound_recording import recording_file
from engine.journal import Journal
from tests.app.conftest import Machine


@pytest.fixture
def past(machine: Machine) -> Machine:
    options = ("--show", "none", *machine.options)
    machine.run("run", "-", *options, typed="the café opens at nine\n")
    machine.run("run", "-", *options, typed="good morning\nall of you\n")
    return machine


def ids(machine: Machine) -> list[str]:
    return [line.split()[0] for line in machine.run("sessions", "list").stdout.splitlines()]


def test_list_show_search_and_export(past: Machine) -> None:
    first, second = ids(past)
    assert "opens" in past.run("sessions", "show", first).stdout
    shown = past.run("sessions", "show").stdout.splitlines()
    assert shown == ["0:00  good morning", "      MORNING GOOD", "0:00  all of you", *shown[3:]]
    assert first in past.run("sessions", "search", "cafe", "NINE").stdout
    exported = past.run("sessions", "export", second, "--format", "jsonl").stdout
    assert [json.loads(line)["final"] for line in exported.splitlines()] == [True, True]


def test_sessions_in_which_nothing_was_said_are_listed_if_asked_for(past: Machine) -> None:
    past.run("run", "-", "--show", "none", *past.options, typed="\n")
    listed = past.run("sessions", "list")
    assert len(listed.stdout.splitlines()) == 2
    assert listed.stderr == "Not listed: 1 in which nothing was said (--all)\n"
    listed = past.run("sessions", "list", "--all")
    assert "  0 segments" in listed.stdout.splitlines()[2]
    assert listed.stderr == ""


@pytest.mark.parametrize(("form", "start"), [("srt", "1\n00:"), ("vtt", "WEBVTT"), ("txt", "MORN")])
def test_the_name_of_the_output_says_its_form(past: Machine, form: str, start: str) -> None:
    path = past.home / f"talk.{form}"
    done = past.run("sessions", "export", "--output", str(path))
    assert (done.returncode, done.stdout) == (0, "")
    assert path.read_text().startswith(start)


def test_what_cannot_be_found_is_one_line(past: Machine) -> None:
    for arguments in (("show", "nope"), ("show", ids(past)[0][:3]), ("search", "elephants")):
        done = past.run("sessions", *arguments)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1


def test_without_a_journal_there_is_one_line_and_no_file(machine: Machine) -> None:
    done = machine.run("sessions", "list")
    assert done.returncode == 2
    assert "no journal" in done.stderr
    assert not machine.journal.exists()


def test_a_session_is_removed_for_good_and_with_its_sound(past: Machine) -> None:
    file = past.sound("talk.wav", [(2, 0.5)])
    past.run("run", str(file), "--pace", "fast", "--show", "none", "--record", *past.options)
    first, second, spoken = ids(past)
    sound = recording_file(past.journal, spoken)
    assert sound.exists()
    done = past.run("sessions", "remove", first, spoken)
    assert done.stdout.splitlines() == [f"{first}: removed", f"{spoken}: removed"]
    assert ids(past) == [second]
    assert not sound.exists()
    assert past.run("sessions", "search", "cafe").returncode == 2
    assert "café".encode() not in past.journal.read_bytes()


def test_of_sessions_to_be_removed_one_that_is_not_there_keeps_all(past: Machine) -> None:
    before = ids(past)
    for names in ((before[0], "nope"), ("",), ()):
        assert past.run("sessions", "remove", *names).returncode == 2
    assert ids(past) == before


def test_a_session_that_is_being_written_is_not_removed(past: Machine) -> None:
    with Journal.open(past.journal) as journal:
        journal.begin_session("now", source_lang="en", target_lang="de")
        done = past.run("sessions", "remove", "now")
        assert "now is being written" in done.stderr
        assert "now" in {record.id for record in journal.sessions()}


def test_an_export_is_not_written_over_the_journal_nor_in_a_form_nobody_named(
    past: Machine,
) -> None:
    before = ids(past)
    done = past.run("sessions", "export", "--format", "srt", "-o", str(past.journal))
    assert "that is the journal" in done.stderr
    assert ids(past) == before
    path = past.home / "talk.json"
    done = past.run("sessions", "export", "-o", str(path))
    assert "--format: srt, vtt, txt, jsonl" in done.stderr
    assert not path.exists()
