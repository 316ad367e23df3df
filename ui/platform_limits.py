"""What the platform is, and what it does not allow, in words for people."""

from collections.abc import Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QCoreApplication


@dataclass(frozen=True, slots=True)
class Platform:
    """Where the windows are shown."""

    name: str
    """Qt's name of it: `xcb`, `wayland`, `windows`, `cocoa`, `offscreen`."""
    blended: bool
    """Translucent windows are blended with what is below them."""
    bridged: bool = False
    """The X server is XWayland: X windows in a Wayland session."""


def limits_text(platform: Platform, refused: Sequence[str] = ()) -> str:
    """What does not work here; empty where everything does.

    Args:
        platform: where the windows are shown.
        refused: global hotkeys that could not be had.
    """
    parts = []
    if not platform.blended:
        parts.append(
            QCoreApplication.translate(
                "Limits",
                "No compositor runs on this X server, so the box is opaque; picom or the "
                "compositor of your desktop makes it translucent.",
            )
        )
    if platform.bridged:
        parts.append(
            QCoreApplication.translate(
                "Limits",
                "This is a Wayland session; the band runs through XWayland, because Wayland lets "
                "no window keep itself above others or remember its place. Global hotkeys work "
                "only while an X window has the keyboard.",
            )
        )
    elif platform.name.startswith("wayland"):
        parts.append(
            QCoreApplication.translate(
                "Limits",
                "This is Wayland without XWayland: the compositor decides where the band stands "
                "and whether other windows cover it, and there are no global hotkeys. On GNOME "
                "and KDE a rule for the window “Dragoman” can keep it above.",
            )
        )
    elif platform.name in ("windows", "cocoa"):
        parts.append(
            QCoreApplication.translate(
                "Limits",
                "The overlay has not been tested on this system, and there are no global hotkeys "
                "here; the tray menu does everything.",
            )
        )
    if refused:
        text = QCoreApplication.translate("Limits", "Other programs have these keys: {keys}.")
        parts.append(text.format(keys=", ".join(refused)))
    return "\n\n".join(parts)
