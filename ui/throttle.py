"""At most so many repaints a second, the first ones at once."""

import time
from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, QTimer

PER_SECOND = 30
BURST = 3
"""Repaints that may follow each other at once; the rest of the second's are spread evenly."""


class Throttle(QObject):
    """Calls an action when it is asked for, 30 times in any second at most.

    A bucket of three tokens that fills at 27 a second: a caption after a pause is painted without
    waiting, also in the middle of a fade, and a flood is evened out. Requests that wait for the
    same turn are one.
    """

    def __init__(
        self,
        action: Callable[[], None],
        parent: QObject | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._action = action
        self._clock = clock
        self._tokens = float(BURST)
        self._filled_s = clock()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.request)

    def request(self) -> None:
        """Act now, or as soon as the rate allows."""
        now_s = self._clock()
        rate_hz = PER_SECOND - BURST
        self._tokens = min(BURST, self._tokens + (now_s - self._filled_s) * rate_hz)
        self._filled_s = now_s
        if self._tokens >= 1:
            self._tokens -= 1
            self._timer.stop()
            self._action()
        elif not self._timer.isActive():
            self._timer.start(max(1, round((1 - self._tokens) / rate_hz * 1000)))
