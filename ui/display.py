"""Whether a window can be shown at all, asked before Qt is started: Qt aborts the process.

Imports no Qt at the top, so that the question can be asked where PyQt6 is not installed.
"""

import ctypes
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

_HINT = "; on Debian and Ubuntu: apt-get install libegl1 libxkbcommon-x11-0 libxcb-cursor0"


_connections: dict[str, int] = {}
"""Addresses of the open connections to X servers, by display."""


class DisplayError(RuntimeError):
    """No window can be shown here; the message is one line that says why and what helps."""


class _Cookie(ctypes.Structure):
    _fields_ = (("sequence", ctypes.c_uint),)


class _AtomReply(ctypes.Structure):
    _fields_ = (("head", ctypes.c_uint32 * 2), ("atom", ctypes.c_uint32))


def choose_platform(environ: Mapping[str, str]) -> str:
    """The Qt platform to start with (`-platform`), known to work.

    An X server is preferred to Wayland even where both answer: only there may a window keep
    itself above others and remember its place.

    Raises:
        DisplayError: PyQt6 or a system library is missing, or no display answers.
    """
    plugins = _platform_plugins()
    if sys.platform == "win32":
        return environ.get("QT_QPA_PLATFORM", "windows")
    if sys.platform == "darwin":
        return environ.get("QT_QPA_PLATFORM", "cocoa")
    wanted = environ.get("QT_QPA_PLATFORM", "")
    problems = []
    for platform in wanted.split(";") if wanted else ("xcb", "wayland"):
        problem = _problem(platform, plugins, environ)
        if problem is None:
            return platform
        problems.append(problem)
    raise DisplayError("no display for the overlay: " + "; ".join(problems))


def has_compositor(platform: str, environ: Mapping[str, str]) -> bool:
    """Whether translucent windows are blended with what is below them."""
    if platform != "xcb":
        return True
    xcb = _load_xcb()
    connection = _connect(xcb, environ)
    # The EWMH selection that a compositing manager owns on the first screen.
    name = b"_NET_WM_CM_S0"
    cookie = xcb.xcb_intern_atom(connection, 0, len(name), name)
    atom = _reply(xcb.xcb_intern_atom_reply, connection, cookie)
    cookie = xcb.xcb_get_selection_owner(connection, atom)
    return _reply(xcb.xcb_get_selection_owner_reply, connection, cookie) != 0


def is_bridged(platform: str, environ: Mapping[str, str]) -> bool:
    """Whether the X server stands in a Wayland session (XWayland)."""
    return platform == "xcb" and bool(environ.get("WAYLAND_DISPLAY"))


def _platform_plugins() -> Path:
    """The folder of Qt's platform plugins."""
    try:
        from PyQt6 import QtWidgets  # noqa: F401  (loads the libraries that a window needs)
        from PyQt6.QtCore import QLibraryInfo
    except ModuleNotFoundError as error:
        raise DisplayError(
            "the overlay needs PyQt6: install the extra 'ui' (pip install 'dragoman[ui]')"
        ) from error
    except ImportError as error:
        raise DisplayError(f"PyQt6 does not load: {error}{_HINT}") from error
    return Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)) / "platforms"


def _problem(platform: str, plugins: Path, environ: Mapping[str, str]) -> str | None:
    """Why Qt could not start on this platform, or None if it can."""
    name = platform.split(":")[0]
    plugin = plugins / f"libq{name}.so"
    if not plugin.exists():
        return f"Qt has no platform {name!r} (QT_QPA_PLATFORM)"
    try:
        if name == "xcb":
            _connect(_load_xcb(), environ)
        elif name.startswith("wayland"):
            _knock_at_wayland(environ)
        ctypes.CDLL(str(plugin))
    except DisplayError as error:
        return str(error)
    except OSError as error:
        return f"{error}{_HINT}"
    return None


def _knock_at_wayland(environ: Mapping[str, str]) -> None:
    name = environ.get("WAYLAND_DISPLAY")
    if not name:
        raise DisplayError("WAYLAND_DISPLAY is not set")
    path = Path(environ.get("XDG_RUNTIME_DIR", "/")) / name  # an absolute name replaces the folder
    with socket.socket(socket.AF_UNIX) as knock:
        try:
            knock.connect(str(path))
        except OSError as error:
            raise DisplayError(f"no Wayland compositor answers at {path}") from error


def _load_xcb() -> ctypes.CDLL:
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
    xcb.xcb_connection_has_error.argtypes = (ctypes.c_void_p,)
    xcb.xcb_disconnect.argtypes = (ctypes.c_void_p,)
    xcb.xcb_disconnect.restype = None
    xcb.xcb_intern_atom.restype = _Cookie
    xcb.xcb_intern_atom.argtypes = (
        ctypes.c_void_p,
        ctypes.c_uint8,
        ctypes.c_uint16,
        ctypes.c_char_p,
    )
    xcb.xcb_get_selection_owner.restype = _Cookie
    xcb.xcb_get_selection_owner.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    for reply in (xcb.xcb_intern_atom_reply, xcb.xcb_get_selection_owner_reply):
        reply.restype = ctypes.c_void_p
        reply.argtypes = (ctypes.c_void_p, _Cookie, ctypes.c_void_p)
    return xcb


def _connect(xcb: ctypes.CDLL, environ: Mapping[str, str]) -> int:
    """A connection that stays: a server that loses its last client resets itself (Xvfb does),
    and Qt, which comes next, would meet it just then.
    """
    display = environ.get("DISPLAY")
    if not display:
        raise DisplayError("DISPLAY is not set")
    connection = _connections.get(display)
    if connection is not None and not xcb.xcb_connection_has_error(connection):
        return connection
    connection = xcb.xcb_connect(display.encode(), None)
    if xcb.xcb_connection_has_error(connection):
        xcb.xcb_disconnect(connection)
        raise DisplayError(f"no X server answers at DISPLAY={display}")
    _connections[display] = connection = int(connection)
    return connection


def _reply(function: "ctypes._NamedFuncPointer", connection: int, cookie: _Cookie) -> int:
    """The one number in a reply, which is an atom or a window; 0 without a reply."""
    address = function(connection, cookie, None)
    if not address:
        return 0
    number = _AtomReply.from_address(address).atom
    free = ctypes.CDLL(None).free
    free.argtypes = (ctypes.c_void_p,)
    free(address)
    return int(number)
