"""Where the band sits on the screens: found again after a restart, never off the screen."""

import os

from PyQt6.QtCore import QObject, QPoint, QRect, QTimer
from PyQt6.QtGui import QGuiApplication, QScreen
from PyQt6.QtWidgets import QWidget

from ui.place import Place, PlaceMemory
from ui.xcb import Server

NARROWEST_PX = 240
SETTLED_MS = 400
"""Without another move, the user has let go."""


class Seat(QObject):
    """Places a window and remembers where the user puts it, per display layout.

    The lower edge is what stays when the height changes.
    """

    def __init__(self, window: QWidget, memory: PlaceMemory) -> None:
        super().__init__(window)
        self._window = window
        self._memory = memory
        self._placed = QRect()
        self._moved = QTimer(self)
        self._moved.setSingleShot(True)
        self._moved.setInterval(SETTLED_MS)
        self._moved.timeout.connect(self.remember)

    def take(self, *, width_percent: int, height: int, anew: bool = False) -> None:
        """Go where the user left the window, brought back onto its screen, or to the bottom centre.

        Args:
            width_percent: of the screen, at the bottom centre.
            height: in pixels.
            anew: to the bottom centre even so.
        """
        place = None if anew else self._memory.recall(display_layout())
        free = _screen_at(place).availableGeometry()
        if place is None:
            width = free.width() * width_percent // 100
            left = free.center().x() - width // 2
            bottom = free.bottom() - free.height() // 25
        else:
            left, bottom, width = place.x, place.bottom, place.width
        width = max(NARROWEST_PX, min(width, free.width()))
        left = max(free.left(), min(left, free.right() + 1 - width))
        self._go(left, min(bottom, free.bottom()), width, height)

    def grow(self, height: int) -> None:
        """Take another height; the lower edge stays, unless the top would leave the screen."""
        box = self.box()
        self._go(box.left(), box.bottom(), box.width(), height)

    def note_move(self) -> None:
        """The window moved or was resized: remember it when that was the user and is over."""
        if self._window.geometry() != self._placed:
            self._moved.start()

    def flush(self) -> None:
        """Remember now what would be remembered in a moment."""
        if self._moved.isActive():
            self.remember()

    def remember(self) -> None:
        """Write down where the window is."""
        self._moved.stop()
        box = self.box()
        if box != self._window.geometry():
            self._window.setGeometry(box)  # so that Qt knows it, too
        self._placed = box
        place = Place(x=box.left(), bottom=box.bottom(), width=box.width())
        self._memory.remember(display_layout(), place)

    def box(self) -> QRect:
        """Where the window is.

        While a window manager takes a window over, Qt may believe, or the X server say for a
        moment, that it is in the corner of the screen. A user's move is one that both know of.
        """
        told = self._window.geometry()
        seen = self._seen(told)
        return QRect(self._placed if self._placed in (told, seen) else seen)

    def _seen(self, told: QRect) -> QRect:
        """The box as the X server has it, where that can be compared."""
        seen = QRect(told)
        window = self._window.windowHandle()
        on_x = QGuiApplication.platformName() == "xcb"
        if window is not None and on_x and window.devicePixelRatio() == 1:  # the same pixels
            corner = Server.at(os.environ.get("DISPLAY", "")).corner_of(int(window.winId()))
            if corner is not None:
                seen.moveTo(*corner)
        return seen

    def _go(self, left: int, bottom: int, width: int, height: int) -> None:
        self._window.setMinimumSize(NARROWEST_PX, height)
        self._window.setMaximumHeight(height)
        screen = QGuiApplication.screenAt(QPoint(left + width // 2, bottom))
        top = bottom + 1 - height
        if screen is not None:
            top = max(screen.availableGeometry().top(), top)
        self._placed = QRect(left, top, width, height)
        self._window.setGeometry(self._placed)


def display_layout() -> str:
    """Names this arrangement of screens."""
    layout = []
    for screen in QGuiApplication.screens():
        box = screen.geometry()
        layout.append(f"{screen.name()}:{box.width()}x{box.height()}+{box.x()}+{box.y()}")
    return " ".join(sorted(layout))


def _screen_at(place: Place | None) -> QScreen:
    """The screen of a remembered place, or the primary one."""
    screen = None
    if place is not None:
        screen = QGuiApplication.screenAt(QPoint(place.x + place.width // 2, place.bottom - 8))
    screen = screen or QGuiApplication.primaryScreen()
    assert screen is not None, "a QGuiApplication has a screen"
    return screen
