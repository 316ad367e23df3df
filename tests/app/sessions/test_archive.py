from pathlib import Path

import pytest

from app.sessions.archive import JournalArchive
from engine.journal import Journal
from tests.app.fakes import finals


@pytest.fixture
def archive(tmp_path: Path) -> JournalArchive:
    return JournalArchive(tmp_path / "journal.sqlite3")


def keep(archive: JournalArchive, n_finals: int) -> str:
    captions = finals(n_finals)
    session = captions[0].session if captions else "empty"
    with Journal.open(archive._path) as journal:
        journal.begin_session(session, source_lang="en", target_lang="de", source="talk.wav")
        journal.append(*captions)
        journal.end_session(session)
    return session


def test_without_a_journal_there_is_nothing(archive: JournalArchive) -> None:
    assert archive.sessions() == []
    assert archive.search("guten") == []
    assert not archive._path.exists()


def test_sessions_with_text_are_listed_for_people(archive: JournalArchive) -> None:
    keep(archive, 0)
    session = keep(archive, 2)
    (row,) = archive.sessions()
    assert row.id == session
    assert row.label.endswith("· en → de · talk.wav")


def test_a_session_is_read_searched_and_exported(archive: JournalArchive) -> None:
    session = keep(archive, 2)
    captions = archive.captions(session)
    assert captions == finals(2)
    word = captions[0].target.full.split()[0]
    assert captions[0] in archive.search(word)
    assert archive.export(session, "srt").startswith("1\n00:00:")
    assert archive.export(session, "vtt").startswith("WEBVTT")


def test_a_session_that_is_being_written_can_be_read(archive: JournalArchive) -> None:
    captions = finals(1)
    with Journal.open(archive._path) as journal:
        journal.begin_session(captions[0].session, source_lang="en", target_lang="de")
        journal.append(*captions)
        assert archive.captions(captions[0].session) == captions
