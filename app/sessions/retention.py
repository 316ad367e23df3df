"""Removing sessions with their sound: those that a user names, and old ones when a run starts."""

import contextlib
import logging
import time
from collections.abc import Sequence
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
            remove(journal, given_up)
    except JournalError as error:
        logger.error("%s; no session was removed", error)
        return []
    if given_up:
        logger.info("removed from the journal, as [retention] says: %s", ", ".join(given_up))
    return given_up


def remove(journal: Journal, sessions: Sequence[str]) -> None:
    """Remove sessions from the journal, and the sound that was recorded with them.

    Raises:
        JournalError: the file cannot be written; nothing is removed.
    """
    journal.remove(sessions)
    for session in sessions:
        with contextlib.suppress(OSError):  # there was none
            recording_file(journal.path, session).unlink()


def _sound_bytes(journal: Journal, session: str) -> int:
    try:
        return recording_file(journal.path, session).stat().st_size
    except OSError:
        return 0
