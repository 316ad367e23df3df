"""Global hotkeys: keys that reach the overlay whatever window has the keyboard. X11 only.

Wayland gives no program the keys of others, and Qt has no means for them on any system.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence

from PyQt6.QtCore import QObject, QSocketNotifier, Qt, pyqtSignal
from PyQt6.QtGui import QKeySequence
from PyQt6.sip import voidptr

from ui.settings import OverlaySettings
from ui.xcb import Keyboard, Server

logger = logging.getLogger(__name__)

NAMES = ("lock", "hide", "reading", "session")
"""What there is a key for; the settings have it as `hotkey_NAME`."""

_MODIFIERS = (
    (Qt.KeyboardModifier.ShiftModifier, 1),
    (Qt.KeyboardModifier.ControlModifier, 4),
    (Qt.KeyboardModifier.AltModifier, 8),  # Mod1
    (Qt.KeyboardModifier.MetaModifier, 64),  # Mod4
)
_FIRST_F_KEYSYM = 0xFFBE
_NAMED_KEYSYMS = {
    Qt.Key.Key_Home: 0xFF50,
    Qt.Key.Key_Left: 0xFF51,
    Qt.Key.Key_Up: 0xFF52,
    Qt.Key.Key_Right: 0xFF53,
    Qt.Key.Key_Down: 0xFF54,
    Qt.Key.Key_PageUp: 0xFF55,
    Qt.Key.Key_PageDown: 0xFF56,
    Qt.Key.Key_End: 0xFF57,
    Qt.Key.Key_Insert: 0xFF63,
    Qt.Key.Key_Delete: 0xFFFF,
    Qt.Key.Key_Pause: 0xFF13,
    Qt.Key.Key_ScrollLock: 0xFF14,
}


class Hotkeys(QObject):
    """Grabs the keys of the settings as long as it lives, where the platform allows."""

    pressed = pyqtSignal(str)
    """One of `NAMES`."""

    def __init__(
        self,
        parent: QObject,
        platform: str,
        names: Sequence[str] = NAMES,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        super().__init__(parent)
        self.names = names
        self.allowed = platform == "xcb"
        """Whether the platform has global hotkeys at all."""
        self.refused: tuple[str, ...] = ()
        """Keys that belong to another program, or that this keyboard has not."""
        self._display = environ.get("DISPLAY", "")
        self._wanted: dict[str, str] = {}
        self._names: dict[tuple[int, int], str] = {}
        self._server: Server | None = None
        self._notifier: QSocketNotifier | None = None

    def follow(self, settings: OverlaySettings) -> None:
        """Grab the keys of these settings, and give those of earlier ones back."""
        keys = {name: getattr(settings, f"hotkey_{name}") for name in self.names}
        wanted = {name: key for name, key in keys.items() if key} if settings.hotkeys else {}
        if not self.allowed or wanted == self._wanted:
            return
        self.close()
        self._wanted = wanted
        if not wanted:
            return
        try:
            self._grab(wanted)
        except OSError as error:  # ConnectionError is one
            logger.warning("no global hotkeys: %s", error)
            self.allowed = False

    def close(self) -> None:
        """Give the keys back."""
        self._wanted, self._names, self.refused = {}, {}, ()
        if self._notifier is not None:
            self._notifier.setEnabled(False)
            self._notifier.deleteLater()
        if self._server is not None:
            self._server.close()
        self._notifier = self._server = None

    def _grab(self, wanted: Mapping[str, str]) -> None:
        server = self._server = Server.connect(self._display)
        keyboard = Keyboard(server)
        for name, text in wanted.items():
            keysym, modifiers = _x_key(text)
            keycode = keyboard.keycode(keysym) if keysym else None
            if keycode is None or not server.grab_key(keycode, modifiers):
                logger.warning("the global hotkey %s belongs to another program", text)
                self.refused += (text,)
            else:
                self._names[keycode, modifiers] = name
        descriptor = voidptr(server.file_descriptor)
        self._notifier = QSocketNotifier(descriptor, QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._read)

    def _read(self) -> None:
        for name in self._pressed_names():
            self.pressed.emit(name)

    def _pressed_names(self) -> Iterator[str]:
        server, names = self._server, self._names  # a key may change the settings
        if server is None or self._notifier is None:
            return
        if server.broken:
            self._notifier.setEnabled(False)
            return
        for key in list(server.keys_pressed()):
            if key in names:
                yield names[key]


def _x_key(text: str) -> tuple[int, int]:
    """Keysym and modifier mask of a key such as `Ctrl+Alt+D`; keysym 0 if X has no such key."""
    sequence = QKeySequence.fromString(text)
    if sequence.isEmpty():
        return 0, 0
    combination = sequence[0]
    key, held = combination.key(), combination.keyboardModifiers()
    modifiers = sum(mask for modifier, mask in _MODIFIERS if held & modifier)
    if Qt.Key.Key_F1 <= key <= Qt.Key.Key_F35:
        return _FIRST_F_KEYSYM + key - Qt.Key.Key_F1, modifiers
    if 0x20 <= key <= 0xFF:  # in Latin-1, and so are the keysyms
        return ord(chr(key).lower()), modifiers
    return _NAMED_KEYSYMS.get(key, 0), modifiers
