"""Recording: a session's captions go to the journal; a journal that fails stops nothing."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from engine.captions import Caption
from engine.journal import JournalError

MAX_WAITING_FINALS = 10_000
"""Finals kept in memory while the journal fails: about a day of speech, some megabytes."""
RETRY_S = 5.0

_logger = logging.getLogger(__name__)


class CaptionLog(Protocol):
    """What recording needs of a journal."""

    def begin_session(self, session: str, *, source_lang: str, target_lang: str) -> None:
        """Enter a session unless it was entered; raises JournalError."""
        ...

    def append(self, *captions: Caption) -> None:
        """Append captions, all or none; raises JournalError."""
        ...

    def end_session(self, session: str) -> None:
        """Note the end of a session; raises JournalError."""
        ...


class Recorder:
    """Writes one session's captions; never raises because of the journal.

    When an append fails, the error is reported once, finals wait in memory, and writing is tried
    again after `RETRY_S` seconds of session time and at the end: what waits is then written
    first, in order. Tentative captions of the failing time are not kept. Recovery is logged, and
    the next failure is reported again.
    """

    def __init__(
        self,
        journal: CaptionLog,
        session: str,
        *,
        source_lang: str,
        target_lang: str,
        on_error: Callable[[JournalError], None] | None = None,
    ) -> None:
        """Record into `journal`; the session begins there with the first caption.

        Args:
            journal: where to.
            session: the id of the session.
            source_lang: ISO 639-1 code of what is heard.
            target_lang: ISO 639-1 code of what is written.
            on_error: is told of a failure, in the thread that writes; the log is if left out.
        """
        self._journal = journal
        self._session = session
        self._source_lang = source_lang
        self._target_lang = target_lang
        self._on_error = on_error or (lambda error: _logger.error("%s", error))
        self._begun = False
        self._waiting: deque[Caption] = deque()
        self._retry_at_s: float | None = None
        self.n_lost = 0
        """Finals that the journal does not have and memory no longer holds."""

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._retry_at_s is not None

    def write(self, caption: Caption) -> None:
        """Append a caption, or keep it for later."""
        if self._retry_at_s is not None and caption.emitted_s < self._retry_at_s:
            self._keep(caption)
            return
        try:
            self._append(caption)
        except JournalError as error:
            self._keep(caption)
            if not self.failing:
                self._on_error(error)
            self._retry_at_s = caption.emitted_s + RETRY_S
            return
        if self.failing:
            _logger.info("the journal is written again; %s finals followed", len(self._waiting))
        self._waiting.clear()
        self._retry_at_s = None

    def close(self) -> None:
        """Write what waits and end the session in the journal."""
        try:
            self._append()
            self._waiting.clear()
            self._journal.end_session(self._session)
        except JournalError as error:
            self.n_lost += len(self._waiting)
            if self.n_lost:
                _logger.error("%s finals are not in the journal: %s", self.n_lost, error)
            elif not self.failing:
                self._on_error(error)

    def _append(self, *captions: Caption) -> None:
        if not self._begun:
            self._journal.begin_session(
                self._session, source_lang=self._source_lang, target_lang=self._target_lang
            )
            self._begun = True
        if self._waiting or captions:
            self._journal.append(*self._waiting, *captions)

    def _keep(self, caption: Caption) -> None:
        if not caption.final:
            return
        if len(self._waiting) == MAX_WAITING_FINALS:
            self._waiting.popleft()
            self.n_lost += 1
        self._waiting.append(caption)
