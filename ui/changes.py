"""What the user changed in the running program, kept in a JSON file beside the settings.

A change holds as long as the setting that it replaced stays the same: whoever edits the settings
file means it.
"""

import dataclasses
import logging
from typing import Any

from ui.json_file import JsonFile
from ui.settings import OverlaySettings, OverlaySettingsError

logger = logging.getLogger(__name__)

NOT_CHANGED = frozenset({"place_file", "changes_file", "interface_lang", "tray", "hotkeys", "stay"})
"""Not offered in the settings window, so they come from the settings alone."""


class Changes:
    """Reads and writes the changes. Losing them is no error: a bad file is reported, replaced."""

    def __init__(self, configured: OverlaySettings) -> None:
        """`configured`: the settings as they are without changes; they name the file."""
        self._configured = configured
        self._file = JsonFile(configured.changes_file, "what was changed in the overlay's settings")

    def apply(self) -> OverlaySettings:
        """The configured settings with the changes that still hold."""
        settings = self._configured
        for key, change in self._read().items():
            if not _is_change(key, change) or change["configured"] != getattr(settings, key):
                continue
            value: dict[str, Any] = {key: change["value"]}
            if type(change["value"]) is not type(getattr(settings, key)):
                continue
            try:
                settings = dataclasses.replace(settings, **value)
            except OverlaySettingsError as error:
                logger.warning("a change of the overlay's settings is left out: %s", error)
        return settings

    def save(self, settings: OverlaySettings) -> None:
        """Write down what differs from the configured settings; the file is replaced in a step."""
        changes = {
            item.name: {"value": now, "configured": before}
            for item in dataclasses.fields(settings)
            if item.name not in NOT_CHANGED
            and (now := getattr(settings, item.name))
            != (before := getattr(self._configured, item.name))
        }
        self._file.write({"v": 1, "changes": changes})

    def _read(self) -> dict[str, Any]:
        changes = self._file.read().get("changes")
        return changes if isinstance(changes, dict) else {}


def _is_change(key: str, change: object) -> bool:
    names = {item.name for item in dataclasses.fields(OverlaySettings)} - NOT_CHANGED
    return key in names and isinstance(change, dict) and change.keys() >= {"value", "configured"}
