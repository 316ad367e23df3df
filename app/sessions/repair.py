"""`dragoman sessions repair`: a new journal of what can be read of a damaged one."""

import time
from collections.abc import Iterator
from pathlib import Path

from engine.journal import Journal, JournalError
from engine.salvage import Salvaged, salvage, write

_COMPANIONS = ("", "-wal", "-shm")


class RepairError(OSError):
    """The journal cannot be repaired now; the message says why."""


def repair(path: Path) -> Iterator[str]:
    """Put a new journal in the place of a damaged one, which is kept under another name.

    Yields:
        Lines that say what was found and what is lost.

    Raises:
        RepairError: there is no such file, nothing of a journal in it, or a session is written to
            it now.
        JournalError: the new one cannot be written.
    """
    if not path.is_file():
        raise RepairError(f"there is no journal at {path}")
    _refuse_if_in_use(path)
    found = salvage(path)
    if found.whole:
        yield f"{path}: nothing is wrong with it"
        return
    if not found.captions:
        raise RepairError(f"{path}: no caption can be found in it; it is left as it is")
    made = path.with_name(f"{path.name}.repaired")
    for name in _COMPANIONS:
        made.with_name(made.name + name).unlink(missing_ok=True)  # of a repair that was cut off
    write(found, made)
    kept = path.with_name(f"{path.stem}-damaged-{time.strftime('%Y%m%d-%H%M%S')}{path.suffix}")
    for name in _COMPANIONS:
        companion = path.with_name(path.name + name)
        if companion.exists():
            companion.rename(kept.with_name(kept.name + name))
    made.rename(path)
    yield from _report(found, path, kept)


def _report(found: Salvaged, path: Path, kept: Path) -> Iterator[str]:
    yield f"{path}: {found.n_captions} captions of {len(found.captions)} sessions"
    for session in sorted(found.captions.keys() | found.records.keys()):
        if session not in found.captions:
            yield f"{session}: no caption is left"
        elif n_missing := found.n_missing(session):
            yield f"{session}: {n_missing} captions are lost"
        if session in found.nameless:
            yield f"{session}: when it was, and of what, is lost"
    yield f"the damaged file is kept as {kept}"


def _refuse_if_in_use(path: Path) -> None:
    try:
        with Journal.open(path) as journal:  # marks those whose process is gone
            in_use = [stored.id for stored in journal.sizes() if stored.open]
    except JournalError:
        return  # too damaged to tell
    if in_use:
        raise RepairError(f"{path}: session {in_use[0]} is being written; end it first")
