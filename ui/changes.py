"""What the user changed in the running program, kept in a JSON file beside the settings.

A change holds as long as the setting that it replaced stays the same: whoever edits the settings
file means it.
"""

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

from ui.settings import OverlaySettings, OverlaySettingsError

logger = logging.getLogger(__name__)

NOT_CHANGED = frozenset({"place_file", "changes_file", "interface_lang", "tray", "hotkeys", "stay"})
"""Not offered in the settings window, so they come from the settings alone."""


class Changes:
    """Reads and writes the changes. Losing them is no error: a bad file is reported, replaced."""

    def __init__(self, configured: OverlaySettings) -> None:
        """`configured`: the settings as they are without changes; they name the file."""
        self._configured = configured
        self._path: Path | None = configured.changes_file

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
        if self._path is None:
            return
        changes = {
            item.name: {"value": now, "configured": before}
            for item in dataclasses.fields(settings)
            if item.name not in NOT_CHANGED
            and (now := getattr(settings, item.name))
            != (before := getattr(self._configured, item.name))
        }
        draft = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"v": 1, "changes": changes}, indent=1, ensure_ascii=False)
            draft.write_text(text, encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            logger.warning("the overlay's settings are not kept: %s", error)

    def _read(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            logger.warning("the overlay's changed settings are not readable: %s", error)
            return {}
        changes = data.get("changes") if isinstance(data, dict) else None
        return changes if isinstance(changes, dict) else {}


def _is_change(key: str, change: object) -> bool:
    names = {item.name for item in dataclasses.fields(OverlaySettings)} - NOT_CHANGED
    return key in names and isinstance(change, dict) and change.keys() >= {"value", "configured"}
