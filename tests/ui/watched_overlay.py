"""The band under a watchdog, for programs that a test drives."""

import json
import time

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QGuiApplication, QPaintEvent

from ui.overlay import Overlay
from ui.settings import OverlaySettings

TICK_MS = 10


class WatchedOverlay(Overlay):
    """Counts its repaints, and measures how long the GUI thread was kept from its events."""

    watch = pyqtSignal(bool)
    clipboard_wanted = pyqtSignal()
    made: "WatchedOverlay"

    def __init__(self, settings: OverlaySettings, *, blended: bool) -> None:
        super().__init__(settings, blended=blended)
        WatchedOverlay.made = self
        self.n_paints = 0
        self.longest_stall_ms = 0.0
        self._tick_s = 0.0
        self._ticks = QTimer(self)
        self._ticks.setTimerType(Qt.TimerType.PreciseTimer)
        self._ticks.timeout.connect(self._tick)
        self.watch.connect(self._watch)  # queued: from the job's thread
        self.clipboard_wanted.connect(say_clipboard)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        self.n_paints += 1
        super().paintEvent(event)

    def _watch(self, on: bool) -> None:
        self.longest_stall_ms, self._tick_s = 0.0, time.monotonic()
        if on:
            self._ticks.start(TICK_MS)
        else:
            self._ticks.stop()

    def _tick(self) -> None:
        now_s = time.monotonic()
        late_ms = (now_s - self._tick_s) * 1000 - TICK_MS
        self.longest_stall_ms = max(self.longest_stall_ms, late_ms)
        self._tick_s = now_s


def say_clipboard() -> None:
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    print(json.dumps(clipboard.text()), flush=True)
