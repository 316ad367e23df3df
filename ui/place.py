"""Where the user left the band, remembered per display layout in a JSON file."""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Place and size of the band in one display layout."""

    x: int
    bottom: int
    """Of the band: it grows upwards when the font does."""
    width: int


class PlaceMemory:
    """Reads and writes the places. Losing them is no error: a bad file is reported and replaced."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def recall(self, layout: str) -> Place | None:
        """The place in this display layout, if one is remembered."""
        place = self._read().get(layout)
        try:
            if not isinstance(place, dict) or not all(type(v) is int for v in place.values()):
                return None
            return Place(**place)
        except TypeError:
            return None

    def remember(self, layout: str, place: Place) -> None:
        """Write the place down; the file is replaced in one step."""
        if self._path is None:
            return
        places = self._read() | {layout: asdict(place)}
        draft = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps({"v": 1, "layouts": places}, indent=1), encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            logger.warning("the overlay's place is not remembered: %s", error)

    def _read(self) -> dict[str, object]:
        if self._path is None:
            return {}
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            logger.warning("the overlay's remembered place is not readable: %s", error)
            return {}
        layouts = data.get("layouts") if isinstance(data, dict) else None
        return layouts if isinstance(layouts, dict) else {}
