"""A small JSON object on disk whose loss is no error."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


class JsonFile:
    """Reads and writes one object; what cannot be read or written is reported and goes on.

    Args:
        path: None keeps nothing.
        what: names the content in those reports, such as "the place of the overlay".
    """

    def __init__(self, path: Path | None, what: str) -> None:
        self.path = path
        self._what = what

    def read(self) -> dict[str, Any]:
        """The object; empty if there is none that can be read."""
        if self.path is None:
            return {}
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            logger.warning("%s is not readable: %s", self._what, error)
            return {}
        return data if isinstance(data, dict) else {}

    def write(self, data: Mapping[str, Any]) -> None:
        """Replace the object in one step."""
        if self.path is None:
            return
        draft = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")
            draft.replace(self.path)
        except OSError as error:
            logger.warning("%s is not kept: %s", self._what, error)
