"""The journal as the overlay's history shows it."""

from datetime import datetime
from pathlib import Path

from app.terminal.text import clock_time
from engine.captions import Caption
from engine.journal import Journal, SessionRecord
from engine.subtitles import Format
from ui.control import SessionRow


class JournalArchive:
    """Past sessions of one journal file, opened anew for each question.

    So it is never in the way of the session that writes the file, which is in WAL mode.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; it need not exist yet."""
        self._path = path

    def sessions(self) -> list[SessionRow]:
        """Every session with text in it, newest first."""
        if not self._path.exists():
            return []
        with self._open() as journal:
            records = [record for record in journal.sessions() if record.n_finals]
        return [SessionRow(record.id, _label(record)) for record in reversed(records)]

    def captions(self, session: str) -> list[Caption]:
        """The final captions of a session, in order."""
        with self._open() as journal:
            return journal.captions(session, finals_only=True)

    def search(self, text: str) -> list[Caption]:
        """Final captions with all the words of the text, best first."""
        if not self._path.exists():
            return []
        with self._open() as journal:
            return journal.search(text)

    def export(self, session: str, form: str) -> str:
        """A session as a file of one of the forms of `dragoman sessions export`."""
        with self._open() as journal:
            return journal.export(session, Format(form))

    def _open(self) -> Journal:
        return Journal.open(self._path, read_only=True)


def _label(record: SessionRecord) -> str:
    started = datetime.fromtimestamp(record.started_at)
    return (
        f"{started:%Y-%m-%d %H:%M} · {clock_time(record.duration_s)} · "
        f"{record.source_lang} → {record.target_lang} · {record.source}"
    )
