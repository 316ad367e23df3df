"""What a band is to the window system: above everything, and locked or not.

The mouse goes through a locked band to the windows below.
"""

import os
import time

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QWidget

from ui.xcb import Server

WITHDRAWN_S = 5.0
"""So long a window manager has to let a window go."""
_LOOK_S = 0.001


def is_locked(band: QWidget) -> bool:
    """Whether the mouse goes through."""
    return bool(band.windowFlags() & Qt.WindowType.WindowTransparentForInput)


def lock(band: QWidget, locked: bool, box: QRect) -> None:
    """Lock or unlock a band, which stays where it is on the screen: at `box`."""
    flags = window_flags(locked)
    band.overrideWindowFlags(flags)
    window = band.windowHandle()
    if window is None:
        return
    shown = window.isVisible() and _is_on_x()
    if shown:  # a window manager looks at a window when it appears
        window.hide()
        _await_withdrawal(int(window.winId()))
    window.setFlags(flags)
    if shown:
        band.setGeometry(box)  # of the window alone, the widget would take it back
        window.show()


def _await_withdrawal(window: int) -> None:
    """Wait until no window manager has a hidden window in its hands.

    It unmaps the window before it lets go: one that is shown again sooner would vanish for good.
    """
    server = Server.at(os.environ.get("DISPLAY", ""))
    give_up_s = time.monotonic() + WITHDRAWN_S
    while server.is_managed(window) and time.monotonic() < give_up_s:
        time.sleep(_LOOK_S)


def window_flags(locked: bool) -> Qt.WindowType:
    """The flags of a band."""
    flags = (
        Qt.WindowType.Tool
        | Qt.WindowType.FramelessWindowHint
        | Qt.WindowType.WindowStaysOnTopHint
        | Qt.WindowType.NoDropShadowWindowHint
    )
    if locked:
        flags |= Qt.WindowType.WindowTransparentForInput
        if _is_on_x():
            # Many window managers put the full-screen window that has the keyboard above all that
            # they manage. A locked band needs no keyboard, and they need not move it.
            flags |= Qt.WindowType.X11BypassWindowManagerHint
    return flags


def _is_on_x() -> bool:
    return QGuiApplication.platformName() == "xcb"
