"""The window that captions are shown in, as `dragoman run` and `dragoman overlay` open it."""

import dataclasses
import logging

import platformdirs
from rich.console import Console

from ui.application import DisplayError, check_display
from ui.settings import OverlaySettings

logger = logging.getLogger(__name__)


def kept_settings(settings: OverlaySettings) -> OverlaySettings:
    """The settings with files in the user's state folder, where none are named."""
    folder = platformdirs.user_state_path("dragoman")
    return dataclasses.replace(
        settings,
        place_file=settings.place_file or folder / "overlay.json",
        changes_file=settings.changes_file or folder / "overlay-settings.json",
    )


def can_show(console: Console, *, asked: bool) -> bool:
    """Whether a window can be shown; if not, one line says why, to those who asked for one."""
    try:
        check_display()
    except DisplayError as error:
        if asked:
            console.print(f"{error}; captions are shown here", soft_wrap=True)
        else:
            logger.info("captions are shown in the terminal: %s", error)
        return False
    return True
