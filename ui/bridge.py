"""The way of captions from the engine's thread into the GUI thread."""

import threading
import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

from engine.captions import Caption

REPAINTS_HZ = 30
SEGMENTS_WAITING = 64
"""Far more than a band shows; if the GUI ever stalls that long, the oldest are left out."""


class CaptionBridge(QObject):
    """Takes captions in any thread, hands them over in the GUI thread, 30 times a second at most.

    Of one segment only the newest revision is handed over. The first caption after a pause is
    handed over at once; those that come faster than the rate wait for the next turn.
    """

    arrived = pyqtSignal(list)
    """The newest caption of each segment that changed, in the order of the segments."""
    _woken = pyqtSignal()

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        rate_hz: float = REPAINTS_HZ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._interval_s = 1 / rate_hz
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, int], Caption] = {}
        self._turn_s = float("-inf")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.flush)
        self._woken.connect(self._wake)  # queued, as it comes from another thread

    def publish(self, caption: Caption) -> None:
        """Hand a caption over; callable from any thread, never waits for the GUI."""
        key = (caption.session, caption.segment)
        with self._lock:
            asleep = not self._waiting
            waiting = self._waiting.get(key)
            if waiting is None or waiting.revision < caption.revision:
                self._waiting[key] = caption
            if len(self._waiting) > SEGMENTS_WAITING:
                del self._waiting[next(iter(self._waiting))]
        if asleep:
            self._woken.emit()

    def flush(self) -> None:
        """Hand over now what waits (in the GUI thread)."""
        with self._lock:
            captions = list(self._waiting.values())
            self._waiting.clear()
        if captions:
            self._turn_s = self._clock()
            self.arrived.emit(captions)

    def _wake(self) -> None:
        if self._timer.isActive():
            return
        wait_s = self._turn_s + self._interval_s - self._clock()
        if wait_s <= 0:
            self.flush()
        else:
            self._timer.start(max(1, round(wait_s * 1000)))
