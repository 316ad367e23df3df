"""The journal of a run: opened and pruned at its start, and no reason to give a stream up."""

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.sessions.retention import prune
from engine.database import ForeignJournalError
from engine.journal import Journal, JournalError

if TYPE_CHECKING:
    from app.config import Settings

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def open_journal(settings: "Settings") -> Iterator[Journal | None]:
    """The journal, without the sessions that have expired.

    None where nothing is to be kept, or nothing can be: the log says so.

    Raises:
        ForeignJournalError: the file is something else, which the user should know first.
    """
    if not settings.run.keep:
        yield None
        return
    try:
        journal = Journal.open(settings.run.journal_file)
    except ForeignJournalError:
        raise
    except JournalError as error:
        logger.error("%s; the stream goes on, and nothing of it is kept", error)
        yield None
        return
    with journal:
        prune(journal, settings.retention)
        yield journal


@contextlib.contextmanager
def session_journal(settings: "Settings", session: str, source: str) -> Iterator[Journal | None]:
    """The journal, with the session entered in it if that can be done; errors as above."""
    config = settings.run
    with open_journal(settings) as journal:
        if journal is not None:
            try:
                journal.begin_session(
                    session,
                    source_lang=config.source_lang,
                    target_lang=config.target_lang,
                    source=source,
                    translator=config.translator,
                )
            except JournalError as error:
                logger.info("%s; the first caption tries again", error)
        yield journal
