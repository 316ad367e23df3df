"""The settings of the overlay."""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Show = Literal["both", "translation", "source"]
Align = Literal["left", "centre", "right"]
Motion = Literal["system", "on", "off"]


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

    show: Show = "both"
    """The translation, the source text, or both, the source above."""
    font_family: str = ""
    """Preferred font of both texts; empty picks a good one of the installed fonts."""
    font_pt: int = 28
    """Size of the translation, 12 to 96 points."""
    font_weight: int = 600
    """From 100 (thin) to 900 (black)."""
    source_percent: int = 58
    """Size of the source text in percent of the translation's, 30 to 100."""
    rows: int = 2
    """Lines of translation, 1 to 6."""
    source_rows: int = 1
    """Lines of source text, 1 to 6."""
    width_percent: int = 66
    """Width of the band in percent of the screen, 20 to 100, until the user resizes it."""
    margin_percent: int = 100
    """Space around the text, in percent of the usual, 40 to 300."""
    column_percent: int = 100
    """Width of the text in percent of the band, 30 to 100; the rest is margin."""
    align: Align = "left"
    """Where that column stands in the band. Lines begin at its edge, since a line that was
    centred by itself would move with every word."""
    colour: str = "#ffffff"
    tentative_colour: str = "#acb8c8"
    """Of words that may still change."""
    source_colour: str = "#d0d7e0"
    outline_colour: str = "#000000"
    outline_percent: int = 13
    """Width of the outline in percent of the font's height, 0 to 40."""
    box_colour: str = "#0e1014"
    opacity: float = 0.8
    """Of the box, 0 to 1; without a compositor the box is always opaque."""
    dwell_s: float = 8.0
    """How long the last text stays when nothing follows, 1 to 3600 seconds."""
    line_s: float = 1.2
    """How long a line stays at least before it rolls away, 0 to 30 seconds; when speech is so
    fast that a band full of lines waits, they roll sooner."""
    reading_mode: bool = False
    """Show committed words only: nothing that is seen changes, and all comes a little later."""
    motion: Motion = "system"
    """Whether changed words fade and lines slide; `system` asks the desktop."""
    status: bool = False
    """Show delay, erasure and state in a corner of the band."""
    locked: bool = False
    """Let the mouse reach the windows below the band; unlock from the tray."""
    stay: bool = False
    """Keep the last text on screen when the job has ended, until the user closes it."""
    tray: bool = True
    """Show a tray icon where the desktop has a tray."""
    hotkeys: bool = True
    """Grab the global hotkeys where the platform allows."""
    hotkey_lock: str = "Ctrl+Alt+D"
    """Locks and unlocks (Ctrl+Alt+L locks the screen on many desktops); empty is none."""
    hotkey_hide: str = "Ctrl+Alt+H"
    """Hides the band and shows it again."""
    hotkey_reading: str = "Ctrl+Alt+R"
    """Turns reading mode on and off."""
    hotkey_session: str = "Ctrl+Alt+P"
    """Stops the session and starts it again."""
    interface_lang: str = ""
    """Language of menus and windows (`en`, `de`); empty follows the system."""
    place_file: Path | None = None
    """JSON file that remembers place and size per display layout; None remembers nothing."""
    changes_file: Path | None = None
    """JSON file that keeps what is changed in the settings window; None keeps nothing."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for key, (low, high) in RANGES.items():
            _check_range(key, getattr(self, key), low, high)
        for key, words in CHOICES.items():
            if getattr(self, key) not in words:
                raise OverlaySettingsError(key, getattr(self, key), ", ".join(words))
        for key in COLOURS:
            value = getattr(self, key)
            if not isinstance(value, str) or not re.fullmatch("#[0-9a-fA-F]{6}", value):
                raise OverlaySettingsError(key, value, "#rrggbb")
        for key in HOTKEYS:
            value = getattr(self, key)
            if not isinstance(value, str) or not re.fullmatch(_HOTKEY, value):
                raise OverlaySettingsError(key, value, "Ctrl+Alt+D and the like, or empty")

    @property
    def shows_target(self) -> bool:
        """Whether the translation is painted."""
        return self.show != "source"

    @property
    def shows_source(self) -> bool:
        """Whether the source text is painted."""
        return self.show != "translation"


RANGES: dict[str, tuple[float, float]] = {
    "font_pt": (12, 96),
    "font_weight": (100, 900),
    "source_percent": (30, 100),
    "rows": (1, 6),
    "source_rows": (1, 6),
    "width_percent": (20, 100),
    "margin_percent": (40, 300),
    "column_percent": (30, 100),
    "outline_percent": (0, 40),
    "opacity": (0, 1),
    "dwell_s": (1, 3600),
    "line_s": (0, 30),
}
CHOICES: dict[str, tuple[str, ...]] = {
    "show": ("both", "translation", "source"),
    "align": ("left", "centre", "right"),
    "motion": ("system", "on", "off"),
}
COLOURS = ("colour", "tentative_colour", "source_colour", "outline_colour", "box_colour")

HOTKEYS = ("hotkey_lock", "hotkey_hide", "hotkey_reading", "hotkey_session")
_HOTKEY = r"|((Ctrl|Alt|Meta|Shift)\+)*(Ctrl|Alt|Meta)\+(Shift\+)?[^ +]+|(Shift\+)?F\d{1,2}"
"""None, a key with Ctrl, Alt or Meta, or a function key: one that is not needed to write."""


def high_contrast(settings: OverlaySettings) -> OverlaySettings:
    """The same band in colours of the highest contrast (white and yellow on black, opaque)."""
    return dataclasses.replace(
        settings,
        colour="#ffffff",
        tentative_colour="#ffe600",
        source_colour="#ffffff",
        outline_colour="#000000",
        box_colour="#000000",
        opacity=1.0,
        font_weight=max(settings.font_weight, 700),
    )


def _check_range(key: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise OverlaySettingsError(key, value, f"{low:g} to {high:g}")
