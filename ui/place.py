"""Where the user left the band, remembered per display layout in a JSON file."""

from dataclasses import asdict, dataclass
from pathlib import Path

from ui.json_file import JsonFile


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
        self._file = JsonFile(path, "the place of the overlay")

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
        self._file.write({"v": 1, "layouts": self._read() | {layout: asdict(place)}})

    def _read(self) -> dict[str, object]:
        layouts = self._file.read().get("layouts")
        return layouts if isinstance(layouts, dict) else {}
