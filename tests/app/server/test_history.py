from dataclasses import replace
from pathlib import Path

from app.server.history import History
from engine.journal import Journal
from tests.app.fakes import caption, finals


async def test_what_memory_forgot_is_said_to_be_incomplete() -> None:
    history = History(max_finals=3)
    history.begin("test")
    for item in finals(3):
        history.add(item)
    assert (await history.missed("test", 0)).complete
    history.add(caption(3, 3, final=True))
    missed = await history.missed("test", 0)
    assert [item.seq for item in missed.finals] == [1, 2, 3]
    assert not missed.complete


async def test_what_memory_forgot_comes_from_the_journal(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.sqlite3") as journal:
        journal.begin_session("test", source_lang="en", target_lang="de")
        history = History(journal, max_finals=2)
        history.begin("test")
        for item in finals(5):
            journal.append(item, replace(item, seq=item.seq + 100, segment=item.segment + 100))
            history.add(item)
        missed = await history.missed("test", 2)
        assert [item.seq for item in missed.finals] == [3, 4, 100, 101, 102, 103, 104]
        assert missed.complete
        assert not (await history.missed("unknown", 0)).complete
