"""The database file under the journal: its schema, its opening, and errors that say what to do."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.owner import is_alive

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x44524147  # "DRAG"
_BUSY_TIMEOUT_S = 5.0

_SCHEMA = """
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    started_at REAL NOT NULL,
    ended_at REAL,
    state TEXT NOT NULL CHECK (state IN ('open', 'ended', 'interrupted')),
    owner TEXT NOT NULL,
    source TEXT NOT NULL,
    source_lang TEXT NOT NULL,
    target_lang TEXT NOT NULL,
    translator TEXT NOT NULL
);
CREATE TABLE captions (
    session TEXT NOT NULL REFERENCES sessions (id),
    seq INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    final INTEGER NOT NULL,
    start_s REAL NOT NULL,
    end_s REAL NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (session, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX captions_finals ON captions (session, segment) WHERE final;
CREATE VIRTUAL TABLE finals USING fts5 (
    source, target, session UNINDEXED, seq UNINDEXED,
    tokenize = 'unicode61 remove_diacritics 2'
);
"""


class JournalError(OSError):
    """The journal cannot be opened, read or written; the message says what to do.

    Attributes:
        path: the journal file.
    """

    def __init__(self, path: Path, message: str) -> None:
        """Say what is wrong with the file at `path`, and what to do."""
        super().__init__(message)
        self.path = path


class ForeignJournalError(JournalError):
    """The file is no journal, or one that this version cannot use: better not to touch it."""


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open the file, made new where it is missing; sessions of dead processes get marked.

    Raises:
        JournalError: the file is missing (to be read), damaged, not ours or not to be written.
    """
    with errors_of(path):
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            raise JournalError(path, f"there is no journal at {path}")
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}",
            uri=True,
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _check(path, connection)
            if not read_only:
                _prepare(connection)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block did, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Turn errors of the file into `JournalError`s that say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest is the extended code
        advice = _ADVICE.get(code, _ELSEWHERE)
        kind = ForeignJournalError if code == sqlite3.SQLITE_NOTADB else JournalError
        raise kind(path, f"journal {path}: {error}: {advice}") from error
    except JournalError:
        raise
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise JournalError(path, f"journal {path}: {reason}: {_WRITABLE}") from error


def _check(path: Path, connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if n_tables and application != _APPLICATION_ID:
        raise ForeignJournalError(path, f"{path} belongs to another program: name another file")
    if version > SCHEMA_VERSION:
        raise ForeignJournalError(
            path,
            f"journal {path} was written by a newer Dragoman (schema {version}, this one reads"
            f" {SCHEMA_VERSION}): update, or name another file",
        )


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    with transaction(connection):
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        rows = connection.execute("SELECT id, owner FROM sessions WHERE state = 'open'").fetchall()
        dead = [(session,) for session, owner in rows if not is_alive(owner)]
        connection.executemany("UPDATE sessions SET state = 'interrupted' WHERE id = ?", dead)


_ELSEWHERE = "name another file"
_WRITABLE = "allow writing to the file and its folder, or name another file"
_DAMAGED = (
    "the file is damaged, or no journal; `dragoman sessions repair` makes a new one of what can"
    " still be read"
)
_ADVICE = {
    sqlite3.SQLITE_FULL: "free some space; what the journal has is safe",
    sqlite3.SQLITE_IOERR: "check the disk and its free space; what the journal has is safe",
    sqlite3.SQLITE_READONLY: _WRITABLE,
    sqlite3.SQLITE_PERM: _WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _WRITABLE,
    sqlite3.SQLITE_BUSY: "another program holds the file: end it, or name another file",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}
