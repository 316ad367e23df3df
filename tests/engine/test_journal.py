"""The journal: what is in it stays in it, and its errors say what to do."""

import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.captions import Caption, Text
from engine.journal import Journal, JournalError
from engine.subtitles import Format
from tests.fakes import ManualClock
from tests.patience import TIMEOUT_S


def caption(
    seq: int, target: str = "guten Morgen", *, source: str = "good morning", final: bool = True
) -> Caption:
    return Caption(
        session="s",
        seq=seq,
        segment=seq,
        revision=0,
        source=Text(lang="en", committed=source, tentative=""),
        target=Text(lang="de", committed=target, tentative=""),
        final=final,
        start_s=float(seq),
        end_s=seq + 1.0,
        emitted_s=seq + 1.5,
        erased=0,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal.open(path, clock=ManualClock(1000.0)) as opened:
        opened.begin_session(
            "s", source_lang="en", target_lang="de", source="mic", translator="fretna"
        )
        yield opened


def test_captions_come_back_as_they_were(journal: Journal) -> None:
    captions = [caption(0, final=False), caption(1), caption(2, "„Grüß“ 字")]
    for each in captions:
        journal.append(each)
    assert journal.captions("s") == captions
    assert journal.captions("s", finals_only=True) == captions[1:]


def test_sessions_are_listed_with_their_figures(journal: Journal) -> None:
    journal.append(caption(0, final=False))
    journal.append(caption(1), caption(2))
    (open_one,) = journal.sessions()
    assert (open_one.state, open_one.ended_at, open_one.n_finals) == ("open", None, 2)
    assert (open_one.source, open_one.translator, open_one.duration_s) == ("mic", "fretna", 3.0)
    journal.end_session("s")
    (ended,) = journal.sessions()
    assert (ended.state, ended.started_at, ended.ended_at) == ("ended", 1000.0, 1000.0)


def test_session_is_begun_once_and_an_old_id_is_refused(journal: Journal) -> None:
    journal.begin_session("s", source_lang="en", target_lang="de")
    journal.end_session("s")
    with pytest.raises(ValueError, match="in the journal already"):
        journal.begin_session("s", source_lang="en", target_lang="de")


def test_caption_number_cannot_come_twice_and_nothing_of_the_batch_is_kept(
    journal: Journal,
) -> None:
    journal.append(caption(0))
    with pytest.raises(ValueError, match="caption 0 of session 's'"):
        journal.append(caption(1), caption(0))
    assert len(journal.captions("s")) == 1
    assert len(journal.search("guten")) == 1


def test_caption_needs_a_session(journal: Journal) -> None:
    with pytest.raises(ValueError, match="session 'other'"):
        journal.append(replace(caption(0), session="other"))
    with pytest.raises(LookupError, match="no session 'other'"):
        journal.captions("other")


def test_search_finds_finals_by_words_of_either_side(journal: Journal) -> None:
    journal.append(caption(0, "die Straße nach Zürich", source="the road to Zurich"))
    journal.append(caption(1, "die Katze", final=False))
    assert [c.seq for c in journal.search("zurich ROAD")] == [0]
    assert [c.seq for c in journal.search("Züri")] == [0]
    assert journal.search("katze") == []
    assert [c.seq for c in journal.search("road\0nach …")] == [0]
    assert journal.search("strasse road nowhere") == []


@pytest.mark.parametrize(
    "text", ["", "  ", '"', "a OR", "NEAR(", "*", "--", "(:^", "\ud800", "-x", "\0"]
)
def test_search_text_is_never_a_query(journal: Journal, text: str) -> None:
    journal.append(caption(0))
    assert journal.search(text) == []


def test_lone_surrogate_does_not_lose_a_caption(journal: Journal) -> None:
    journal.append(caption(0, "a\ud800b"))
    assert journal.captions("s")[0].target.committed == "a?b"


def test_a_session_that_is_removed_leaves_no_word_behind(journal: Journal, path: Path) -> None:
    journal.append(caption(0, "geheim"))
    journal.end_session("s")
    journal.begin_session("t", source_lang="en", target_lang="de")
    journal.append(replace(caption(0, "offen"), session="t"))
    assert [(kept.id, kept.open) for kept in journal.sizes()] == [("s", False), ("t", True)]
    journal.remove(["s"])
    assert [record.id for record in journal.sessions()] == ["t"]
    assert journal.search("geheim") == []
    assert len(journal.search("offen")) == 1
    journal.close()
    files = path.parent.glob(f"{path.name}*")
    assert b"geheim" not in b"".join(file.read_bytes() for file in files)


def test_removing_beside_a_reader_only_leaves_the_file_as_long_as_it_was(
    journal: Journal, path: Path
) -> None:
    journal.append(caption(0))
    with Journal.open(path, read_only=True) as reader:
        reader.captions("s")
        journal.remove(["s"])
        assert reader.sessions() == []


def test_export_renders_the_finals(journal: Journal) -> None:
    journal.append(caption(0, final=False), caption(1))
    assert journal.export("s", Format.TXT) == "guten Morgen\n"
    assert "00:00:01,000 --> 00:00:02,000" in journal.export("s", Format.SRT)


def test_reading_only_changes_nothing_and_needs_the_file(journal: Journal, path: Path) -> None:
    journal.append(caption(0))
    with Journal.open(path, read_only=True) as reader:
        assert reader.captions("s") == [caption(0)]
        with pytest.raises(JournalError, match="allow writing"):
            reader.append(caption(1))
    with pytest.raises(JournalError, match="there is no journal"):
        Journal.open(path.with_name("other"), read_only=True)


def test_journal_of_a_living_process_stays_open_for_a_second_opener(
    journal: Journal, path: Path
) -> None:
    with Journal.open(path) as second:
        assert second.sessions()[0].state == "open"


def test_quota_fails_like_a_full_disk_and_what_was_kept_is_safe(journal: Journal) -> None:
    journal.append(caption(0))
    journal.set_quota(1)
    with pytest.raises(JournalError, match="free some space; what the journal has is safe"):
        journal.append(caption(1, "lang " * 10_000))
    assert journal.captions("s") == [caption(0)]
    journal.set_quota(None)
    journal.append(caption(1, "lang " * 10_000))
    assert len(journal.captions("s")) == 2


def test_file_that_may_not_grow_fails_clearly_and_keeps_what_it_has(path: Path) -> None:
    program = f"""
    import resource
    from pathlib import Path
    from engine.journal import Journal, JournalError
    from tests.engine.test_journal import caption
    journal = Journal.open(Path({str(path)!r}))
    journal.begin_session("s", source_lang="en", target_lang="de")
    journal.append(caption(0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    try:
        for seq in range(1, 1000):
            journal.append(caption(seq, "lang " * 1000))
            print("kept", seq)
    except JournalError as error:
        print(error)
    """
    done = run_python(program)
    *kept, message = done.stdout.splitlines()
    assert "what the journal has is safe" in message
    with Journal.open(path) as journal:
        assert len(journal.captions("s")) == len(kept) + 1


def test_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="name another file") as caught:
        Journal.open(tmp_path / "file" / "journal")
    assert caught.value.path == tmp_path / "file" / "journal"


def test_read_only_folder_is_a_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        if _may_write(tmp_path):
            pytest.skip("this user may write anywhere")
        with pytest.raises(JournalError, match="allow writing"):
            Journal.open(tmp_path / "journal")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_damaged_file_names_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(JournalError, match="damaged, or no journal; `dragoman sessions repair`"):
        Journal.open(path)


def test_damage_inside_the_file_is_reported_when_it_is_met(path: Path) -> None:
    with Journal.open(path) as journal:
        journal.begin_session("s", source_lang="en", target_lang="de")
        for seq in range(50):
            journal.append(caption(seq, "lang " * 1000))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (size - 8192))
    with pytest.raises(JournalError, match="damaged"):
        with Journal.open(path) as journal:
            journal.captions("s")


def test_file_of_another_program_and_of_a_newer_version_are_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE bookmarks (url)")
    other.close()
    with pytest.raises(JournalError, match="belongs to another program"):
        Journal.open(tmp_path / "other")
    Journal.open(tmp_path / "newer").close()
    newer = sqlite3.connect(tmp_path / "newer")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(JournalError, match="newer Dragoman"):
        Journal.open(tmp_path / "newer")


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=Path(__file__).parents[2],
    )


def _may_write(folder: Path) -> bool:
    try:
        (folder / "probe").touch()
    except OSError:
        return False
    return True
