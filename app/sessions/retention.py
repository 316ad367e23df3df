"""Pruning at the start of a run: old sessions, and the sound that was recorded with them."""

import contextlib
import logging
import time
from dataclasses import replace

from app.sessions.sound_recording import recording_file
from engine.journal import Journal, JournalError
from engine.retention import RetentionConfig, expired

logger = logging.getLogger(__name__)


def prune(journal: Journal, config: RetentionConfig) -> list[str]:
    """Remove what is beyond the limits; a journal that cannot be pruned now is left as it is.

    Returns:
        The sessions that were removed.
    """
    if config == RetentionConfig():
        return []
    try:
        sessions = [
            replace(session, n_bytes=session.n_bytes + _sound_bytes(journal, session.id))
            for session in journal.sizes()
        ]
        given_up = [session.id for session in expired(sessions, config, time.time())]
        if given_up:
            journal.remove(given_up)
    except JournalError as error:
        logger.error("%s; no session was removed", error)
        return []
    for session in given_up:
        with contextlib.suppress(OSError):  # there was none
            recording_file(journal.path, session).unlink()
    if given_up:
        logger.info("removed from the journal, as [retention] says: %s", ", ".join(given_up))
    return given_up


def _sound_bytes(journal: Journal, session: str) -> int:
    try:
        return recording_file(journal.path, session).stat().st_size
    except OSError:
        return 0
