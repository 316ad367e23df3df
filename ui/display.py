"""Whether a window can be shown at all, asked before Qt is started: Qt aborts the process.

Imports no Qt at the top, so that the question can be asked where PyQt6 is not installed.
"""

import ctypes
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from ui.xcb import Server

_HINT = "; on Debian and Ubuntu: apt-get install libegl1 libxkbcommon-x11-0 libxcb-cursor0"


class DisplayError(RuntimeError):
    """No window can be shown here; the message is one line that says why and what helps."""


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
    # The EWMH selection that a compositing manager owns on the first screen.
    return Server.at(environ.get("DISPLAY", "")).owns("_NET_WM_CM_S0")


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
            _knock_at_x(environ)
        elif name.startswith("wayland"):
            _knock_at_wayland(environ)
        ctypes.CDLL(str(plugin))
    except DisplayError as error:
        return str(error)
    except OSError as error:
        return f"{error}{_HINT}"
    return None


def _knock_at_x(environ: Mapping[str, str]) -> None:
    display = environ.get("DISPLAY")
    if not display:
        raise DisplayError("DISPLAY is not set")
    try:
        Server.at(display)
    except ConnectionError as error:
        raise DisplayError(str(error)) from error


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
