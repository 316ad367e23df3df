"""Finals of the recent past, for viewers that come back: in memory, and beyond that the journal."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from engine.captions import Caption
from engine.journal import Journal, JournalError

logger = logging.getLogger(__name__)

MAX_FINALS = 1000
"""Finals kept in memory, of all sessions together."""


@dataclass(frozen=True, slots=True)
class Missed:
    """What a viewer missed of one session."""

    finals: tuple[Caption, ...]
    complete: bool
    """False if some of it is not kept any more."""


class History:
    """The finals of all sessions, as far back as they are kept."""

    def __init__(self, journal: Journal | None = None, max_finals: int = MAX_FINALS) -> None:
        """Start empty; `journal` has what is older."""
        self._journal = journal
        self._finals: deque[Caption] = deque(maxlen=max_finals)
        self._whole: dict[str, None] = {}  # sessions of which nothing was forgotten yet

    def begin(self, session: str) -> None:
        """A session starts: from here on its finals come in."""
        self._whole[session] = None
        if len(self._whole) > MAX_FINALS:
            del self._whole[next(iter(self._whole))]

    def add(self, caption: Caption) -> None:
        """Keep a caption, if it is final."""
        if not caption.final:
            return
        if len(self._finals) == self._finals.maxlen:
            self._whole.pop(self._finals[0].session, None)
        self._finals.append(caption)

    async def missed(self, session: str, after: int) -> Missed:
        """The finals of a session with a `seq` above `after`."""
        kept = tuple(c for c in self._finals if c.session == session and c.seq > after)
        if session in self._whole:
            return Missed(kept, complete=True)
        if self._journal is None:
            return Missed(kept, complete=False)
        return await asyncio.to_thread(self._from_journal, self._journal, session, after, kept)

    @staticmethod
    def _from_journal(
        journal: Journal, session: str, after: int, kept: tuple[Caption, ...]
    ) -> Missed:
        try:
            finals = journal.captions(session, finals_only=True, after=after)
        except LookupError:
            return Missed(kept, complete=False)
        except JournalError as error:
            logger.error("%s; a viewer that came back gets what is in memory", error)
            return Missed(kept, complete=False)
        return Missed(tuple(finals), complete=True)
