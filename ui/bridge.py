"""The way of captions from the engine's thread into the GUI thread."""

import threading
import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, pyqtSignal

from engine.captions import Caption
from ui.status import Notice

SEGMENTS_WAITING = 64
"""Far more than a band shows; if the GUI ever stalls that long, the oldest are left out."""


class CaptionBridge(QObject):
    """Takes captions and notices in any thread, hands them over in the GUI thread.

    Of one segment only the newest revision is handed over, of the notices the newest.
    """

    arrived = pyqtSignal(list, float)
    """The newest caption of each segment that changed, in the order of arrival, and when the
    first of them was published."""
    noticed = pyqtSignal(Notice)
    _woken = pyqtSignal()

    def __init__(
        self, parent: QObject | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, int], Caption] = {}
        self._notice: Notice | None = None
        self._published_s = 0.0
        self._woken.connect(self.flush)  # queued, as it comes from another thread

    def publish(self, news: Caption | Notice) -> None:
        """Hand news over; callable from any thread, never waits for the GUI."""
        with self._lock:
            asleep = not self._waiting and self._notice is None
            if isinstance(news, Notice):
                self._notice = news
            else:
                self._put(news)
        if asleep:
            self._woken.emit()

    def flush(self) -> None:
        """Hand over now what waits (in the GUI thread)."""
        with self._lock:
            captions = list(self._waiting.values())
            notice, self._notice = self._notice, None
            published_s = self._published_s
            self._waiting.clear()
        if captions:
            self.arrived.emit(captions, published_s)
        if notice is not None:
            self.noticed.emit(notice)

    def _put(self, caption: Caption) -> None:
        if not self._waiting:
            self._published_s = self._clock()
        key = (caption.session, caption.segment)
        waiting = self._waiting.get(key)
        if waiting is None or waiting.revision < caption.revision:
            self._waiting[key] = caption
        if len(self._waiting) > SEGMENTS_WAITING:
            del self._waiting[next(iter(self._waiting))]
