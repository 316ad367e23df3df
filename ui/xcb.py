"""The X server, spoken to through libxcb where Qt has no words: displays, selections, keys.

Imports no Qt. Nothing here is loaded before it is asked for.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Self

KEY_PRESS = 2
_EVENT_MASK = 0x7F  # the highest bit of an event's type tells who sent it
_GRAB_ASYNC = 1
_WITHDRAWN = 0
_MODIFIERS = 1 | 4 | 8 | 64
"""Shift, Control, Mod1 (Alt), Mod4 (Meta)."""
_LOCKS = (0, 2, 16, 18)
"""Caps Lock and Num Lock, on or off: a grabbed key must work with either."""


class _Cookie(ctypes.Structure):
    _fields_ = (("sequence", ctypes.c_uint),)


class _AtomReply(ctypes.Structure):
    _fields_ = (("head", ctypes.c_uint32 * 2), ("atom", ctypes.c_uint32))


class _PlaceReply(ctypes.Structure):
    _fields_ = (
        ("head", ctypes.c_uint32 * 2),
        ("child", ctypes.c_uint32),
        ("x", ctypes.c_int16),
        ("y", ctypes.c_int16),
    )


class _StateReply(ctypes.Structure):
    _fields_ = (
        ("head", ctypes.c_uint32 * 2),
        ("type", ctypes.c_uint32),  # 0: there is no such property
        ("sizes", ctypes.c_uint32 * 5),
        ("state", ctypes.c_uint32),
    )


class _Screens(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.POINTER(ctypes.c_uint32)),  # the root window comes first in a screen
        ("rem", ctypes.c_int),
        ("index", ctypes.c_int),
    )


class _KeyEvent(ctypes.Structure):
    _fields_ = (
        ("response_type", ctypes.c_uint8),
        ("detail", ctypes.c_uint8),
        ("sequence", ctypes.c_uint16),
        ("windows", ctypes.c_uint32 * 4),
        ("places", ctypes.c_int16 * 4),
        ("state", ctypes.c_uint16),
    )


@dataclass(slots=True)
class Server:
    """A connection to an X server."""

    _xcb: ctypes.CDLL
    _connection: int
    _open: ClassVar[dict[str, "Server"]] = {}

    @classmethod
    def at(cls, display: str) -> Self:
        """The connection to a display, made once and kept open.

        A server that loses its last client resets itself (Xvfb does), and Qt, which comes next,
        would meet it just then.

        Raises:
            ConnectionError: no X server answers there.
            OSError: libxcb is not installed.
        """
        found = cls._open.get(display)
        if isinstance(found, cls) and not found.broken:
            return found
        server = cls.connect(display)
        cls._open[display] = server
        return server

    @classmethod
    def connect(cls, display: str) -> Self:
        """A new connection, for the one who asks alone; raises what `at` does."""
        xcb = _load()
        connection = xcb.xcb_connect(display.encode(), None)
        server = cls(xcb, int(connection))
        if server.broken:
            server.close()
            raise ConnectionError(f"no X server answers at DISPLAY={display}")
        return server

    @property
    def broken(self) -> bool:
        """Whether the server is gone."""
        return bool(self._xcb.xcb_connection_has_error(self._connection))

    def close(self) -> None:
        """End the connection; what it grabbed is free again."""
        self._xcb.xcb_disconnect(self._connection)

    def owns(self, selection: str) -> bool:
        """Whether some program owns a selection."""
        cookie = self._xcb.xcb_get_selection_owner(self._connection, self._atom(selection))
        return self._number(self._xcb.xcb_get_selection_owner_reply, cookie) != 0

    def is_managed(self, window: int) -> bool:
        """Whether a window manager has a window in its hands (ICCCM 4.1.3.1)."""
        atom = self._atom("WM_STATE")
        cookie = self._xcb.xcb_get_property(self._connection, 0, window, atom, atom, 0, 1)
        address = self._xcb.xcb_get_property_reply(self._connection, cookie, None)
        if not address:
            return False
        reply = _StateReply.from_address(address)
        managed = bool(reply.type == atom and reply.state != _WITHDRAWN)
        _free(address)
        return managed

    @property
    def file_descriptor(self) -> int:
        """Becomes readable when events wait."""
        return int(self._xcb.xcb_get_file_descriptor(self._connection))

    def corner_of(self, window: int) -> tuple[int, int] | None:
        """Where a window's upper left corner stands on the first screen; None if it is gone."""
        cookie = self._xcb.xcb_translate_coordinates(self._connection, window, self._root, 0, 0)
        address = self._xcb.xcb_translate_coordinates_reply(self._connection, cookie, None)
        if not address:
            return None
        place = _PlaceReply.from_address(address)
        corner = int(place.x), int(place.y)
        _free(address)
        return corner

    @property
    def _root(self) -> int:
        setup = self._xcb.xcb_get_setup(self._connection)
        return int(self._xcb.xcb_setup_roots_iterator(setup).data.contents.value)

    def grab_key(self, keycode: int, modifiers: int) -> bool:
        """Take a key away from every other program; false if one of them has it."""
        root = self._root
        taken = False
        for locks in _LOCKS:
            cookie = self._xcb.xcb_grab_key_checked(
                self._connection, 1, root, modifiers | locks, keycode, _GRAB_ASYNC, _GRAB_ASYNC
            )
            error = self._xcb.xcb_request_check(self._connection, cookie)
            if error:
                taken = True
                _free(error)
        return not taken

    def keys_pressed(self) -> Iterator[tuple[int, int]]:
        """Keycode and modifiers of grabbed keys that were pressed since the last call."""
        while event := self._xcb.xcb_poll_for_event(self._connection):
            key = _KeyEvent.from_address(event)
            kind, keycode = key.response_type & _EVENT_MASK, int(key.detail)
            modifiers = key.state & _MODIFIERS
            _free(event)
            if kind == KEY_PRESS:
                yield keycode, modifiers

    def _atom(self, name: str) -> int:
        cookie = self._xcb.xcb_intern_atom(self._connection, 0, len(name), name.encode())
        return self._number(self._xcb.xcb_intern_atom_reply, cookie)

    def _number(self, function: "ctypes._NamedFuncPointer", cookie: _Cookie) -> int:
        """The one number in a reply, which is an atom or a window; 0 without a reply."""
        address = function(self._connection, cookie, None)
        if not address:
            return 0
        number = int(_AtomReply.from_address(address).atom)
        _free(address)
        return number


@dataclass(slots=True)
class Keyboard:
    """Which keys bear which signs, on the keyboard of a server."""

    server: Server
    _keysyms: ctypes.CDLL = field(init=False)
    _symbols: int = field(init=False)

    def __post_init__(self) -> None:
        """Ask the server.

        Raises:
            OSError: libxcb-keysyms is not installed.
        """
        keysyms = self._keysyms = ctypes.CDLL("libxcb-keysyms.so.1")
        keysyms.xcb_key_symbols_alloc.restype = ctypes.c_void_p
        keysyms.xcb_key_symbols_alloc.argtypes = (ctypes.c_void_p,)
        keysyms.xcb_key_symbols_get_keycode.restype = ctypes.POINTER(ctypes.c_uint8)
        keysyms.xcb_key_symbols_get_keycode.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
        self._symbols = int(keysyms.xcb_key_symbols_alloc(self.server._connection))

    def keycode(self, keysym: int) -> int | None:
        """The first key that bears a sign; None without one."""
        found = self._keysyms.xcb_key_symbols_get_keycode(self._symbols, keysym)
        if not found:
            return None
        keycode = int(found[0])
        _free(ctypes.addressof(found.contents))
        return keycode or None


def _load() -> ctypes.CDLL:
    xcb = ctypes.CDLL("libxcb.so.1")
    pointer, u8, u16, u32 = ctypes.c_void_p, ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32
    i16 = ctypes.c_int16
    for name, result, *arguments in (
        ("xcb_connect", pointer, ctypes.c_char_p, pointer),
        ("xcb_connection_has_error", ctypes.c_int, pointer),
        ("xcb_disconnect", None, pointer),
        ("xcb_intern_atom", _Cookie, pointer, u8, u16, ctypes.c_char_p),
        ("xcb_intern_atom_reply", pointer, pointer, _Cookie, pointer),
        ("xcb_get_selection_owner", _Cookie, pointer, u32),
        ("xcb_get_selection_owner_reply", pointer, pointer, _Cookie, pointer),
        ("xcb_translate_coordinates", _Cookie, pointer, u32, u32, i16, i16),
        ("xcb_translate_coordinates_reply", pointer, pointer, _Cookie, pointer),
        ("xcb_get_property", _Cookie, pointer, u8, u32, u32, u32, u32, u32),
        ("xcb_get_property_reply", pointer, pointer, _Cookie, pointer),
        ("xcb_get_file_descriptor", ctypes.c_int, pointer),
        ("xcb_get_setup", pointer, pointer),
        ("xcb_setup_roots_iterator", _Screens, pointer),
        ("xcb_grab_key_checked", _Cookie, pointer, u8, u32, u16, u8, u8, u8),
        ("xcb_request_check", pointer, pointer, _Cookie),
        ("xcb_poll_for_event", pointer, pointer),
    ):
        function = getattr(xcb, name)
        function.restype, function.argtypes = result, arguments
    return xcb


def _free(address: int) -> None:
    free = ctypes.CDLL(None).free
    free.argtypes = (ctypes.c_void_p,)
    free(address)
