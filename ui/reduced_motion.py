"""Whether the desktop asks programs to move little: Qt does not know on Linux, the portal does."""

from collections.abc import Callable

SERVICE = "org.freedesktop.portal.Desktop"
PATH = "/org/freedesktop/portal/desktop"
INTERFACE = "org.freedesktop.portal.Settings"
TIMEOUT_MS = 500

Read = Callable[[str, str], object]


def asks_for_less_motion(read: Read | None = None) -> bool:
    """Ask the desktop; waits for its answer, so not in the GUI thread.

    Args:
        read: gives a setting by namespace and key, None if there is none; the portal if left out.
    """
    read = read or _read_portal
    if read("org.freedesktop.appearance", "reduced-motion") == 1:
        return True
    if read("org.gnome.desktop.interface", "enable-animations") is False:
        return True
    factor = read("org.kde.kdeglobals.KDE", "AnimationDurationFactor")
    try:
        return isinstance(factor, str) and float(factor) == 0
    except ValueError:
        return False


def _read_portal(namespace: str, key: str) -> object:
    try:
        from PyQt6.QtDBus import QDBus, QDBusConnection, QDBusMessage
    except ImportError:  # a system without D-Bus
        return None
    bus = QDBusConnection.sessionBus()
    if not bus.isConnected():
        return None
    call = QDBusMessage.createMethodCall(SERVICE, PATH, INTERFACE, "ReadOne")
    call.setArguments([namespace, key])
    reply = bus.call(call, QDBus.CallMode.Block, TIMEOUT_MS)
    if reply.type() != QDBusMessage.MessageType.ReplyMessage or not reply.arguments():
        return None
    value: object = reply.arguments()[0]
    return value
