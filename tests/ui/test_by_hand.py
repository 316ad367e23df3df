"""The tray and the windows beside the band, on a real X server, with real mouse and keys."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.patience import wait_until
from tests.ui.screen import NEEDS_X, Band, Screen, Start

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)
pytestmark = NEEDS_X

TRAY = (0, 0, 200, 32)
ICON = (12, 16)
ICON_COLOUR = (24, 28, 36)
STAYS_S = 2.0


@pytest.fixture
def tray(screen: Screen) -> Iterator[None]:
    """A desktop's tray in the upper left corner."""
    if shutil.which("trayer") is None:
        pytest.skip("trayer is not installed")
    x, y, width, height = TRAY
    assert (x, y) == (0, 0)
    command = ["trayer", "--edge", "top", "--align", "left", "--widthtype", "pixel"]
    command += ["--width", str(width), "--height", str(height)]
    environ = {"DISPLAY": screen.display, "HOME": "/nonexistent"}
    process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    assert wait_until(lambda: bool(screen.picture(TRAY).any()))
    yield
    process.terminate()
    process.wait()


def has_icon(band: Band) -> bool:
    return bool((band.screen.picture(TRAY) == ICON_COLOUR).all(axis=2).sum() > 20)


def asked(band: Band, question: str) -> list[Any]:
    told: list[Any] = json.loads(band.answer(question))
    return told


def open_menu(band: Band) -> None:
    """With the right button on the icon; the menu is there when the black screen is covered."""
    below = (ICON[0] + 20, 60, 150, 200)

    def click() -> bool:
        band.click(*ICON, button=3)
        return wait_until(lambda: bool(band.screen.picture(below).any()), 2.0)

    assert wait_until(lambda: not band.screen.picture(below).any())
    assert wait_until(click)  # a click may come while the last menu is still going


@pytest.mark.usefixtures("tray")
def test_everything_is_reached_in_the_tray_although_the_band_is_locked(start: Start) -> None:
    band = start(controlled=True, locked=True)
    assert wait_until(lambda: has_icon(band))
    open_menu(band)
    band.tool("xdotool", "key", "Down", "Return")  # Start
    assert wait_until(lambda: asked(band, "control") == [["start"]])
    open_menu(band)
    band.tool("xdotool", "key", "Down", "Down", "Right", "Down", "Return")  # the second source
    choice = ["choose", "source", "mic:Monitor"]
    assert wait_until(lambda: asked(band, "control")[-1:] == [choice])
    open_menu(band)
    band.tool("xdotool", "key", "Up", "Return")  # Quit
    assert band.end() == (0, "finalised\n")


@pytest.mark.usefixtures("tray")
def test_a_click_on_the_tray_icon_unlocks_the_band_and_locks_it(start: Start) -> None:
    band = start(locked=True)
    assert wait_until(lambda: has_icon(band))
    x, y, width, _ = band.box()
    band.click(*ICON)
    assert wait_until(lambda: dragged(band, x, y))
    band.click(*ICON)
    left_at = band.box()
    band.drag((left_at[0] + width // 2, left_at[1] + 40), (30, -30), STAYS_S)
    assert band.box() == left_at


def dragged(band: Band, x: int, y: int) -> bool:
    """Whether the band can be moved."""
    box = band.box()
    band.drag((box[0] + box[2] // 2, box[1] + 40), (-20, -20), STAYS_S)
    return wait_until(lambda: band.box()[:2] != (x, y), 0.5)


def test_the_first_start_shows_a_level_and_starts_what_was_chosen(start: Start) -> None:
    band = start(controlled=True, first_start=True)
    window = band.find("What should be translated")
    assert wait_until(lambda: asked(band, "listening") == ["mic"])
    box = band.box(window)
    silent = band.screen.picture(box)
    band.tell("level 0.8")
    assert wait_until(lambda: (band.screen.picture(box) != silent).any(axis=2).sum() > 1000)
    band.key("Down", window=window)  # the computer's own sound
    assert wait_until(lambda: asked(band, "listening") == ["mic:Monitor"])
    band.key("alt+s", window=window)
    chosen = [["choose", "source", "mic:Monitor"], ["start"]]
    assert wait_until(lambda: asked(band, "control") == chosen)
    assert asked(band, "listening") == []


def test_the_history_is_searched_copied_and_exported(start: Start, tmp_path: Path) -> None:
    band = start(controlled=True)
    band.key("ctrl+h")
    history = band.find("History")
    band.key("alt+c", window=history)
    both = "0:00:00\tgood morning\tGuten Morgen\n0:00:00\thow are you\tWie geht es?"
    assert wait_until(lambda: band.answer("clipboard") == json.dumps(both))
    band.tool("xdotool", "windowfocus", "--sync", history, "type", "the end")
    band.tool("xdotool", "key", "Return")
    found = json.dumps("0:00:00\tthe end\tEnde")
    assert wait_until(lambda: copied(band, history) == found)
    file = tmp_path / "talk.srt"
    band.key("alt+s", window=history)
    dialog = band.find("Export")
    band.key("ctrl+a", window=dialog)
    band.tool("xdotool", "type", str(file))
    band.tool("xdotool", "key", "Return")
    assert wait_until(file.exists)
    assert wait_until(
        lambda: file.read_text(encoding="utf-8") == "srt: Guten Morgen / Wie geht es?"
    )


def copied(band: Band, history: str) -> str:
    band.key("alt+c", window=history)
    return band.answer("clipboard")
