"""The journal: every caption of every session, in one SQLite file that a kill cannot hurt.

A caption is appended, in a transaction of its own, before anyone sees it. The file is in WAL mode
with `synchronous=NORMAL`: a commit is handed to the operating system, which keeps it whatever
happens to this process, a SIGKILL included. The transaction of a final is committed with
`synchronous=FULL`, so that it has reached the disk before the final is shown; a power cut can
take the tentative captions of the last moments only. Measured on a virtual machine of two cores,
median of 300: 0.05 ms for a tentative caption, 4 ms for a final (95 %: 0.1 and 8 ms). A final
comes once per segment; syncing ten captions for each would cost ten times as much for text that
is replaced within a second.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from engine.captions import Caption
from engine.database import JournalError, connect, errors_of, transaction
from engine.journal_rows import SessionRecord, insert_captions, insert_session, storable
from engine.owner import this_process
from engine.retention import StoredSession
from engine.subtitles import Format, SubtitleOptions, render

__all__ = ["Journal", "JournalError", "SessionRecord"]


class Journal:
    """One journal file; its methods may be called from any thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection, clock: Callable[[], float]):
        """Use an open connection; see `open`."""
        self.path = path
        self._connection = connection
        self._clock = clock
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        max_bytes: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Open the journal, or make a new one; sessions whose process died become `interrupted`.

        Args:
            path: the file; missing folders are made.
            read_only: the file must exist; nothing in it is changed.
            max_bytes: a quota; appending beyond it fails as on a full disk.
            clock: seconds since 1970.

        Raises:
            JournalError: the folder cannot be written, or the file is damaged or not ours.
        """
        journal = cls(path, connect(path, read_only=read_only), clock)
        try:
            journal.set_quota(max_bytes)
        except BaseException:
            journal.close()
            raise
        return journal

    def close(self) -> None:
        """Close the file; a session that was not ended is interrupted once the process is gone."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        """Use the journal in a `with` statement, which closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def set_quota(self, max_bytes: int | None) -> None:
        """Bound the size of the file, or lift the bound."""
        with self._using() as connection:
            (page_size,) = connection.execute("PRAGMA page_size").fetchone()
            pages = 2**30 if max_bytes is None else max(1, max_bytes // page_size)
            connection.execute(f"PRAGMA max_page_count = {pages}")

    def begin_session(
        self,
        session: str,
        *,
        source_lang: str,
        target_lang: str,
        source: str = "",
        translator: str = "",
    ) -> None:
        """Enter a session that starts now; nothing happens if this process entered it already.

        Raises:
            JournalError: the file cannot be written.
            ValueError: an older session has this id.
        """
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT state, owner FROM sessions WHERE id = ?", (session,)
            ).fetchone()
            if row == ("open", this_process()):
                return
            if row is not None:
                raise ValueError(f"session {session!r} is in the journal already")
            record = SessionRecord(
                id=session,
                started_at=self._clock(),
                ended_at=None,
                state="open",
                source=source,
                source_lang=source_lang,
                target_lang=target_lang,
                translator=translator,
            )
            insert_session(connection, record, this_process())

    def append(self, *captions: Caption) -> None:
        """Append captions in one transaction; when this returns, finals are on the disk.

        Raises:
            JournalError: the file cannot be written; none of the captions is in it.
            ValueError: a caption has the number of an older one, or no session.
        """
        if any(caption.final for caption in captions):
            with self._synced(), self._transaction() as connection:
                insert_captions(connection, captions)
        else:
            with self._transaction() as connection:
                insert_captions(connection, captions)

    def end_session(self, session: str) -> None:
        """Note that a session ended in order."""
        with self._synced(), self._transaction() as connection:
            connection.execute(
                "UPDATE sessions SET state = 'ended', ended_at = ? WHERE id = ?",
                (self._clock(), session),
            )

    def restore(self, record: SessionRecord) -> None:
        """Enter a session of another journal, as it is known from there."""
        with self._transaction() as connection:
            insert_session(connection, record, owner="")

    def remove(self, sessions: Iterable[str]) -> None:
        """Give sessions up: nothing of their text is left in the file, which shrinks if it can."""
        names = [(session,) for session in sessions]
        with self._using() as connection:
            connection.execute("PRAGMA secure_delete = ON")  # `repair` must not find it again
        with self._transaction() as connection:
            for table in ("finals", "captions"):
                connection.executemany(f"DELETE FROM {table} WHERE session = ?", names)
            connection.executemany("DELETE FROM sessions WHERE id = ?", names)
            connection.execute("INSERT INTO finals (finals) VALUES ('optimize')")  # its words, too
        with suppress(JournalError), self._using() as connection:
            # Not while another process reads or writes: then at another time.
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def sizes(self) -> list[StoredSession]:
        """What every session takes up in the file, oldest first."""
        with self._using() as connection:
            rows = connection.execute(
                "SELECT id, started_at, state = 'open',"
                " (SELECT coalesce(sum(length(json)), 0) FROM captions WHERE session = id)"
                " FROM sessions ORDER BY started_at, rowid"
            ).fetchall()
        return [
            StoredSession(id=name, started_at=started_at, open=bool(is_open), n_bytes=n_bytes)
            for name, started_at, is_open, n_bytes in rows
        ]

    def sessions(self) -> list[SessionRecord]:
        """Every session, oldest first."""
        with self._using() as connection:
            rows = connection.execute(
                "SELECT id, started_at, ended_at, state, source, source_lang, target_lang,"
                " translator, (SELECT count(*) FROM captions WHERE session = id AND final),"
                " (SELECT coalesce(max(end_s), 0) FROM captions WHERE session = id)"
                " FROM sessions ORDER BY started_at, rowid"
            ).fetchall()
        names = SessionRecord.__dataclass_fields__
        return [SessionRecord(**dict(zip(names, row, strict=True))) for row in rows]

    def captions(
        self, session: str, *, finals_only: bool = False, after: int = -1
    ) -> list[Caption]:
        """The captions of a session in order; only those with a `seq` above `after`.

        Raises:
            LookupError: there is no such session.
        """
        with self._using() as connection:
            if not connection.execute("SELECT 1 FROM sessions WHERE id = ?", (session,)).fetchone():
                raise LookupError(f"the journal has no session {session!r}")
            rows = connection.execute(
                "SELECT json FROM captions WHERE session = ? AND (final OR ?) AND seq > ?"
                " ORDER BY seq",
                (session, not finals_only, after),
            ).fetchall()
        return [Caption.from_json(json) for (json,) in rows]

    def search(self, text: str, *, limit: int = 100) -> list[Caption]:
        """Finals whose source or target has all the words of `text`, best first.

        Case and diacritics do not count; the last word may be the beginning of one.
        """
        text = storable(text).replace("\0", " ")  # which would end the query
        words = [word.replace('"', '""') for word in text.split()]
        if not words:
            return []
        query = " ".join(f'"{word}"' for word in words) + " *"
        with self._using() as connection:
            rows = connection.execute(
                "SELECT json FROM finals JOIN captions USING (session, seq)"
                " WHERE finals MATCH ? ORDER BY rank LIMIT ?",
                (query, limit),
            ).fetchall()
        return [Caption.from_json(json) for (json,) in rows]

    def export(self, session: str, form: Format, *, options: SubtitleOptions | None = None) -> str:
        """The finals of a session as a subtitle file, text or lines of JSON.

        Raises:
            LookupError: there is no such session.
        """
        return render(self.captions(session, finals_only=True), form, options)

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock, errors_of(self.path):
            yield self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._using() as connection, transaction(connection):
            yield connection

    @contextmanager
    def _synced(self) -> Iterator[None]:
        """Commit to the disk, not only to the operating system, within this block."""
        with self._using() as connection:
            connection.execute("PRAGMA synchronous = FULL")
            try:
                yield
            finally:
                connection.execute("PRAGMA synchronous = NORMAL")
