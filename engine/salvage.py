"""Salvage: what can still be read of a damaged journal, made into a new one.

Two ways lead to a caption. SQLite reads whatever hangs on pages that are whole, place by place, so
that one damaged page costs no more than what was on it. What it cannot reach, or all of it where
not even the header is left, is found as text: the JSON form of a caption is unmistakable, and most
lie in one piece somewhere in the file or in its write-ahead log. Sessions that were removed are
not found again: their pages are overwritten.
"""

import json
import mmap
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from engine.captions import Caption, ProtocolError
from engine.journal import Journal, SessionRecord

_PAGE_BYTES = 4096
_LAST_KEYS = (',"words":', ',"live":')  # what a caption can be read without
_MAX_UNREADABLE = 10_000
"""Captions in a row that are tried one by one before the rest of a session is given up."""

_BEGIN = re.compile(rb'\{"v":1,"session":"')
_UNKNOWN = "?"

_SESSION_COLUMNS = "id, started_at, ended_at, source, source_lang, target_lang, translator"


@dataclass(slots=True)
class Salvaged:
    """What was found."""

    whole: bool = False
    """Nothing is wrong with the file."""
    records: dict[str, SessionRecord] = field(default_factory=dict)
    captions: dict[str, dict[int, Caption]] = field(default_factory=dict)
    """Session → seq → caption."""

    @property
    def n_captions(self) -> int:
        """All of them."""
        return sum(map(len, self.captions.values()))

    @property
    def nameless(self) -> list[str]:
        """Sessions of which only captions are left: not when they were, nor of what."""
        return sorted(self.captions.keys() - self.records.keys())

    def n_missing(self, session: str) -> int:
        """Numbers between the first caption of a session and the last one found that are lost.

        Tentative captions that came while the journal could not be written are among them.
        """
        found = self.captions.get(session, {})
        return max(found) + 1 - len(found) if found else 0


def salvage(path: Path) -> Salvaged:
    """Read what can be read; the file is not changed.

    Raises:
        OSError: there is no such file, or it may not be read.
    """
    found = Salvaged()
    with path.open("rb"):
        pass
    with suppress(sqlite3.Error), closing(_connect(path)) as connection:
        found.whole = _is_whole(connection)
        _read_sessions(connection, found)
        for session in _session_ids(connection, found):
            captions = found.captions.setdefault(session, {})
            captions.update((c.seq, c) for c in _read_captions(connection, session))
    if not found.whole:
        for file in (path, path.with_name(f"{path.name}-wal")):
            for caption in _carve(file):
                found.captions.setdefault(caption.session, {}).setdefault(caption.seq, caption)
    found.captions = {session: captions for session, captions in found.captions.items() if captions}
    return found


def write(found: Salvaged, path: Path) -> None:
    """Make a new journal of what was found, its sessions in the order in which they were.

    Raises:
        JournalError: it cannot be written.
    """
    with Journal.open(path) as journal:
        for record in sorted(_records(found), key=lambda record: record.started_at):
            journal.restore(record)
            kept: list[Caption] = []
            finals: set[int] = set()
            for _, caption in sorted(found.captions.get(record.id, {}).items()):
                if caption.segment not in finals:  # nothing follows a final
                    kept.append(caption)
                if caption.final:
                    finals.add(caption.segment)
            journal.append(*kept)


def _records(found: Salvaged) -> Iterator[SessionRecord]:
    yield from found.records.values()
    for session in found.nameless:
        first = next(iter(found.captions[session].values()))
        yield SessionRecord(
            id=session,
            started_at=0.0,
            ended_at=None,
            state="interrupted",
            source=_UNKNOWN,
            source_lang=first.source.lang,
            target_lang=first.target.lang,
            translator="",
        )


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def _is_whole(connection: sqlite3.Connection) -> bool:
    try:
        return bool(connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
    except sqlite3.Error:
        return False


def _read_sessions(connection: sqlite3.Connection, found: Salvaged) -> None:
    with suppress(sqlite3.Error):
        query = f"SELECT {_SESSION_COLUMNS} FROM sessions"
        for (
            name,
            started_at,
            ended_at,
            source,
            source_lang,
            target_lang,
            translator,
        ) in connection.execute(query):
            found.records[name] = SessionRecord(
                id=name,
                started_at=started_at,
                ended_at=ended_at,
                state="interrupted" if ended_at is None else "ended",
                source=source,
                source_lang=source_lang,
                target_lang=target_lang,
                translator=translator,
            )


def _session_ids(connection: sqlite3.Connection, found: Salvaged) -> list[str]:
    """Those of the table of sessions, and those that only captions name, each by one look-up."""
    names = set(found.records)
    with suppress(sqlite3.Error):
        name = ""
        query = "SELECT min(session) FROM captions WHERE session > ?"
        while (name := connection.execute(query, (name,)).fetchone()[0]) is not None:
            names.add(name)
    return sorted(names)


def _read_captions(connection: sqlite3.Connection, session: str) -> Iterator[Caption]:
    """A session's captions in order, those on damaged pages left out."""
    seq, n_unreadable = 0, 0
    while n_unreadable < _MAX_UNREADABLE:
        try:
            query = "SELECT seq, json FROM captions WHERE session = ? AND seq >= ? ORDER BY seq"
            for found, text in connection.execute(query, (session, seq)):
                seq, n_unreadable = found + 1, 0
                with suppress(ProtocolError):
                    yield Caption.from_json(text)
            return
        except sqlite3.Error:
            seq, n_unreadable = seq + 1, n_unreadable + 1


def _carve(file: Path) -> Iterator[Caption]:
    """Every caption that lies in one piece in a file."""
    with (
        suppress(OSError, ValueError),  # there is none, or it is empty
        file.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        for match in _BEGIN.finditer(data):
            caption = _caption_at(data[match.start() : match.start() + _PAGE_BYTES])
            if caption is not None:
                yield caption


def _caption_at(data: bytes) -> Caption | None:
    """The caption that some bytes begin with, if they do; without what is not on the same page."""
    text = data.decode("utf-8", "replace")
    for end, closing_text in ((len(text), ""), *((text.find(key), "}") for key in _LAST_KEYS)):
        with suppress(ValueError):
            value, _ = json.JSONDecoder().raw_decode(text[: max(end, 0)] + closing_text)
            if "\ufffd" not in str(value):
                return Caption.from_dict(value)
    return None
