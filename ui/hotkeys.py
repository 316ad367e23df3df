"""Global hotkeys: keys that reach the overlay whatever window has the keyboard. X11 only.

Wayland gives no program the keys of others, and Qt has no means for them on any system.
"""

import logging
import os
from collections.abc import Mapping

from PyQt6.QtCore import QObject, QSocketNotifier, pyqtSignal
from PyQt6.sip import voidptr

from ui.xcb import Keyboard, Server

logger = logging.getLogger(__name__)

CTRL_ALT = 4 | 8  # the masks of Control and Mod1
KEYS = {"lock": "D", "hide": "H", "reading": "R"}
"""Together with Ctrl and Alt; Ctrl+Alt+L locks the screen on many desktops."""


class Hotkeys(QObject):
    """Grabs the keys as long as it lives."""

    pressed = pyqtSignal(str)
    """The name of the key, as in `KEYS`."""

    def __init__(self, parent: QObject, environ: Mapping[str, str] = os.environ) -> None:
        super().__init__(parent)
        self._names: dict[int, str] = {}
        self._server = Server.connect(environ.get("DISPLAY", ""))
        keyboard = Keyboard(self._server)
        for name, letter in KEYS.items():
            keycode = keyboard.keycode(letter)
            if keycode is None or not self._server.grab_key(keycode, CTRL_ALT):
                logger.warning("the global hotkey Ctrl+Alt+%s belongs to another program", letter)
            else:
                self._names[keycode] = name
        descriptor = voidptr(self._server.file_descriptor)
        self._notifier = QSocketNotifier(descriptor, QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._read)

    def close(self) -> None:
        """Give the keys back."""
        self._notifier.setEnabled(False)
        self._server.close()

    def _read(self) -> None:
        if self._server.broken:
            self._notifier.setEnabled(False)
            return
        for keycode in self._server.keys_pressed():
            if keycode in self._names:
                self.pressed.emit(self._names[keycode])


def grab(parent: QObject, platform: str) -> Hotkeys | None:
    """The hotkeys, where the platform allows them."""
    if platform != "xcb":
        return None
    try:
        return Hotkeys(parent)
    except OSError as error:  # ConnectionError is one
        logger.warning("no global hotkeys: %s", error)
        return None
