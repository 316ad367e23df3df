"""`dragoman sessions`, on what runs left behind."""

import json

import pytest

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
