"""The way of captions from the engine's thread into the GUI thread."""

import threading
import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, pyqtSignal

from engine.captions import Caption
from ui.status import News, Notice, Report

SEGMENTS_WAITING = 64
"""Far more than a band shows; if the GUI ever stalls that long, the oldest are left out."""


class CaptionBridge(QObject):
    """Takes captions, notices and reports in any thread, hands them over in the GUI thread.

    Of one segment only the newest revision is handed over, of notices and reports the newest.
    """

    arrived = pyqtSignal(list, float)
    """The newest caption of each segment that changed, in the order of arrival, and when the
    first of them was published."""
    noticed = pyqtSignal(Notice)
    reported = pyqtSignal(Report)
    _woken = pyqtSignal()

    def __init__(
        self, parent: QObject | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, int], Caption] = {}
        self._notice: Notice | None = None
        self._report: Report | None = None
        self._published_s = 0.0
        self._woken.connect(self.flush)  # queued, as it comes from another thread

    def publish(self, news: News) -> None:
        """Hand news over; callable from any thread, never waits for the GUI."""
        with self._lock:
            asleep = not (self._waiting or self._notice or self._report)
            match news:
                case Notice():
                    self._notice = news
                case Report():
                    self._report = news
                case Caption():
                    self._put(news)
        if asleep:
            self._woken.emit()

    def flush(self) -> None:
        """Hand over now what waits (in the GUI thread)."""
        with self._lock:
            captions = list(self._waiting.values())
            notice, self._notice = self._notice, None
            report, self._report = self._report, None
            published_s = self._published_s
            self._waiting.clear()
        if captions:
            self.arrived.emit(captions, published_s)
        if notice is not None:
            self.noticed.emit(notice)
        if report is not None:
            self.reported.emit(report)

    def _put(self, caption: Caption) -> None:
        if not self._waiting:
            self._published_s = self._clock()
        key = (caption.session, caption.segment)
        waiting = self._waiting.get(key)
        if waiting is None or waiting.revision < caption.revision:
            self._waiting[key] = caption
        if len(self._waiting) > SEGMENTS_WAITING:
            del self._waiting[next(iter(self._waiting))]
