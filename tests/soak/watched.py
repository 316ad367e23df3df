"""`dragoman` with a watchdog in its window; says the longest stall, in ms, when it ends."""

import sys

from PyQt6.QtGui import QShowEvent

from app import cli
from tests.ui.watched_overlay import WatchedOverlay
from ui import desktop


class Watched(WatchedOverlay):
    """Watched from its first moment on the screen."""

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self.watch.emit(True)


if __name__ == "__main__":
    vars(desktop)["Overlay"] = Watched
    code = cli.main(sys.argv[1:])
    print(WatchedOverlay.made.longest_stall_ms)
    sys.exit(code)
