"""Work that may wait for a disk, away from the GUI thread."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

logger = logging.getLogger(__name__)


class Background(QObject):
    """Does one thing after the other in a thread, and hands results over in the GUI thread."""

    _done = pyqtSignal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="overlay-background")
        self._closed = False
        self._done.connect(self._hand_over)  # queued: from another thread

    def ask(
        self,
        question: Callable[[], Any],
        answer: Callable[[Any], None],
        failed: Callable[[str], None],
    ) -> None:
        """Call `question` in the thread, then `answer` with its result here.

        Errors a person can mend (OSError, ValueError, LookupError) go to `failed` as one line.
        """

        def work() -> None:
            try:
                result = question()
            except (OSError, ValueError, LookupError, RuntimeError) as error:
                logger.info("work of the overlay failed", exc_info=error)
                self._done.emit(failed, str(error))
            else:
                self._done.emit(answer, result)

        self._worker.submit(work)

    def close(self) -> None:
        """Take no more work; what runs is finished, and nobody is told."""
        self._closed = True  # those who asked may be gone when the answer arrives
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _hand_over(self, take: Callable[[Any], None], result: Any) -> None:
        if not self._closed:
            take(result)
