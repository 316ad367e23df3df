"""The settings of the overlay."""

from dataclasses import dataclass
from pathlib import Path


class OverlaySettingsError(ValueError):
    """A setting of the overlay outside its valid range."""

    def __init__(self, key: str, value: object, valid: str) -> None:
        super().__init__(f"overlay setting {key} is {value!r}; valid: {valid}")
        self.key = key
        self.value = value
        self.valid = valid


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlaySettings:
    """How the band looks and behaves.

    Raises:
        OverlaySettingsError: a value is outside its valid range.
    """

    font_family: str = ""
    """Preferred font of both texts; empty picks a good one of the installed fonts."""
    font_pt: int = 28
    """Size of the translation, 12 to 96 points; the source line is drawn at 58 % of it."""
    rows: int = 2
    """Lines of translation, 1 to 6."""
    source_rows: int = 1
    """Lines of source text above the translation, 1 to 3."""
    show_source: bool = True
    width_percent: int = 66
    """Width of the band in percent of the screen, 20 to 100, until the user resizes it."""
    opacity: float = 0.8
    """Of the dark box, 0 to 1; without a compositor the box is always opaque."""
    dwell_s: float = 8.0
    """How long the last text stays when nothing follows, 1 to 3600 seconds."""
    locked: bool = False
    """Let the mouse reach the windows below the band; unlock from the tray."""
    stay: bool = False
    """Keep the last text on screen when the job has ended, until the user closes it."""
    tray: bool = True
    """Show a tray icon where the desktop has a tray."""
    place_file: Path | None = None
    """JSON file that remembers place and size per display layout; None remembers nothing."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check_range("font_pt", self.font_pt, 12, 96)
        _check_range("rows", self.rows, 1, 6)
        _check_range("source_rows", self.source_rows, 1, 3)
        _check_range("width_percent", self.width_percent, 20, 100)
        _check_range("opacity", self.opacity, 0, 1)
        _check_range("dwell_s", self.dwell_s, 1, 3600)


def _check_range(key: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise OverlaySettingsError(key, value, f"{low} to {high}")
