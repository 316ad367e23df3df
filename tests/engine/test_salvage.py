"""A damaged journal: what hangs on whole pages is read, the rest is found as text."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from engine.captions import Caption
from engine.journal import Journal
from engine.salvage import Salvaged, salvage, write
from tests.engine.test_journal import caption

N_CAPTIONS = 400
PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.sqlite3"
    with Journal.open(path) as journal:
        for session in ("a", "b"):
            journal.begin_session(session, source_lang="en", target_lang="de", source="mic")
            journal.append(*(talk(session, seq) for seq in range(N_CAPTIONS)))
            journal.end_session(session)
    return path


def talk(session: str, seq: int) -> Caption:
    words = random.Random(seq).choices(["über", "den", "Fluß", "und", "Wald"], k=12)
    return replace(caption(seq, " ".join(words)), session=session)


def damage(path: Path, first_page: int, n_pages: int = 1) -> None:
    with path.open("r+b") as file:
        file.seek(first_page * PAGE)
        file.write(b"\xff" * (n_pages * PAGE))


def n_pages(path: Path) -> int:
    return path.stat().st_size // PAGE


def found_as_written(found: Salvaged) -> None:
    for session, captions in found.captions.items():
        assert all(kept == talk(session, seq) for seq, kept in captions.items())


def test_nothing_is_wrong_with_a_whole_journal(path: Path) -> None:
    found = salvage(path)
    assert found.whole
    assert (found.n_captions, found.nameless) == (2 * N_CAPTIONS, [])


@pytest.mark.parametrize("seed", range(8))
def test_one_damaged_page_costs_what_was_on_it(path: Path, seed: int) -> None:
    damage(path, random.Random(seed).randrange(1, n_pages(path)))
    found = salvage(path)
    assert found.n_captions >= 2 * N_CAPTIONS - 2 * PAGE // 300
    found_as_written(found)


def test_a_damaged_last_page_is_survived(path: Path) -> None:
    damage(path, n_pages(path) - 1)
    found = salvage(path)
    assert found.n_captions >= 2 * N_CAPTIONS - 2 * PAGE // 300
    found_as_written(found)


def test_without_its_header_the_text_is_still_found(path: Path) -> None:
    damage(path, 0)
    found = salvage(path)
    assert found.n_captions >= 0.95 * 2 * N_CAPTIONS
    assert found.nameless == ["a", "b"]
    found_as_written(found)


def test_a_file_cut_in_half_keeps_its_first_half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    found = salvage(path)
    assert found.n_captions >= 100
    found_as_written(found)


def test_what_is_not_a_journal_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear Sir or Madam")
    (tmp_path / "empty").touch()
    assert salvage(tmp_path / "letter").n_captions == 0
    assert salvage(tmp_path / "empty").n_captions == 0


def test_the_new_journal_has_what_was_found_once(path: Path, tmp_path: Path) -> None:
    damage(path, n_pages(path) // 2)
    found = salvage(path)
    new = tmp_path / "new.sqlite3"
    write(found, new)
    with Journal.open(new) as journal:
        assert [record.id for record in journal.sessions()] == ["a", "b"]
        kept = sum(len(journal.captions(session)) for session in "ab")
        assert len(journal.search("fluss")) + len(journal.search("fluß")) > 0
    assert kept == found.n_captions
    assert salvage(new).whole


def test_lost_captions_are_counted(path: Path) -> None:
    found = salvage(path)
    for seq in (3, 7):
        del found.captions["a"][seq]
    assert (found.n_missing("a"), found.n_missing("b")) == (2, 0)
