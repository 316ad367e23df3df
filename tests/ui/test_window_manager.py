"""The band under a window manager, which takes windows over and moves them itself."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.patience import wait_until
from tests.ui.screen import NEEDS_X, Band, Box, Screen, Start
from tests.ui.streams import caption

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)
pytestmark = [NEEDS_X, pytest.mark.usefixtures("manager")]

BOX_COLOUR = (14, 16, 20)
FILM_COLOUR = (0, 90, 160)
FILM = """
from PyQt6.QtWidgets import QApplication, QWidget
app = QApplication(["Film"])
film = QWidget()
film.setWindowTitle("Film")
film.setStyleSheet("background: rgb(0, 90, 160)")
film.showFullScreen()
app.exec()
"""


Manager = subprocess.Popen[bytes]


@pytest.fixture
def manager(screen: Screen) -> Iterator[Manager]:
    if shutil.which("openbox") is None:
        pytest.skip("openbox is not installed")
    environ = {"DISPLAY": screen.display, "HOME": "/nonexistent"}
    process = subprocess.Popen(["openbox"], env=environ, stderr=subprocess.DEVNULL)

    def manages() -> bool:
        command = ("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")
        return b"id #" in subprocess.run(command, env=environ, capture_output=True).stdout

    assert wait_until(manages)
    yield process
    process.terminate()
    process.wait()


def overlap(one: Box, other: Box) -> bool:
    (x, y, w, h), (a, b, c, d) = one, other
    return x < a + c and a < x + w and y < b + d and b < y + h


def test_the_band_stays_above_a_window_that_is_opened_and_raised_later(start: Start) -> None:
    band = start()
    band.publish(caption("Guten Tag"))
    assert wait_until(lambda: band.ink(band.box()) > 300)
    other = subprocess.Popen(
        ["xev", "-geometry", "1280x720+0+0", "-event", "button"],
        env=band.environ,
        stdout=subprocess.DEVNULL,
    )
    try:
        window = band.find("Event Tester")
        band.tool("xdotool", "windowactivate", "--sync", window, "windowraise", window)
        x, y = band.box()[:2]
        at = (x + 40, y + 8, 1, 1)
        assert wait_until(lambda: tuple(band.screen.picture(at)[0, 0]) == BOX_COLOUR)
        assert (band.screen.picture((0, 0, 1280, 300)) > 40).any()  # the other window is there
    finally:
        other.terminate()
        other.wait()


def test_a_locked_band_is_above_a_film_that_fills_the_screen_and_has_the_keyboard(
    start: Start,
) -> None:
    band = start()
    band.publish(caption("Guten Tag"))
    assert wait_until(lambda: band.ink(band.box()) > 300)
    box = band.box()
    film = subprocess.Popen([sys.executable, "-c", FILM], env=band.environ)
    try:
        window = band.find("Film")
        band.tool("xdotool", "windowactivate", "--sync", window)
        band.tool("xdotool", "key", "ctrl+alt+d")
        assert wait_until(lambda: band.ink(box) > 300)
        assert band.box() == box
        assert (band.screen.picture((0, 0, 100, 100)) == FILM_COLOUR).all()
        band.publish(caption("Guten Tag zusammen", revision=1))
        before = band.ink(box)
        assert wait_until(lambda: band.ink(box) > before + 300)
        band.tool("xdotool", "key", "ctrl+alt+d")  # unlocked, the window manager has it again
        assert wait_until(lambda: "_NET_WM_STATE_ABOVE" in state(band))
        assert wait_until(lambda: band.box() == box), band.box()
    finally:
        film.terminate()
        film.wait()


def test_a_band_that_is_locked_while_the_manager_is_busy_stays_in_sight(
    start: Start, manager: Manager
) -> None:
    band = start()
    band.publish(caption("Guten Tag"))
    assert wait_until(lambda: band.ink(band.box()) > 300)
    box = band.box()
    manager.send_signal(signal.SIGSTOP)
    try:
        band.tool("xdotool", "key", "ctrl+alt+d")
        assert wait_until(lambda: is_locking(band))
    finally:
        manager.send_signal(signal.SIGCONT)
    assert wait_until(lambda: "\nWM_STATE(" not in band.tool("xprop", "-id", band.window))
    assert wait_until(lambda: band.ink(box) > 300)


def is_locking(band: Band) -> bool:
    told = band.tool("xwininfo", "-id", band.window)
    return "IsUnMapped" in told or "Override Redirect State: yes" in told


def state(band: Band) -> str:
    return band.tool("xprop", "-id", band.window, "_NET_WM_STATE")


@pytest.mark.parametrize("attempt", range(3))  # the manager takes the window at its own pace
def test_the_lower_edge_stays_when_the_text_grows(start: Start, attempt: int) -> None:
    band = start()
    x, y, _, height = band.box()
    band.key("ctrl+plus")
    assert wait_until(lambda: band.box()[3] > height)
    assert wait_until(lambda: (band.box()[0], band.box()[1] + band.box()[3]) == (x, y + height))


def test_the_band_is_dragged_and_found_again_where_it_was_left(
    start: Start, tmp_path: Path
) -> None:
    file = tmp_path / "place.json"
    band = start(place_file=str(file))
    x, y, width, height = band.box()
    band.drag((x + 200, y + 40), (-60, -200))
    left = (x - 60, y - 200, width, height)
    assert wait_until(lambda: band.box() == left)
    assert wait_until(lambda: file.exists() and remembered(file) == left)
    band.key("ctrl+q")
    assert band.end()[0] == 0
    again = start(place_file=str(file))
    assert wait_until(lambda: again.box() == left)


@pytest.mark.parametrize("attempt", range(3))  # the button is up before the manager hears of it
def test_a_click_gives_the_band_the_keyboard_and_does_not_hang_it_on_the_mouse(
    start: Start, attempt: int
) -> None:
    band = start()
    x, y, width, height = box = band.box()
    band.click(x + width // 2, y + height - 20)
    band.tool("xdotool", "mousemove", str(x + 100), str(y - 300))
    assert wait_until(lambda: int(band.tool("xdotool", "getwindowfocus")) == int(band.window))
    band.tool("xdotool", "key", "ctrl+comma")
    band.find("Settings")
    assert band.box() == box


def remembered(file: Path) -> Box:
    (place,) = json.loads(file.read_text(encoding="utf-8"))["layouts"].values()
    height = 171  # of two lines and one of source text
    return place["x"], place["bottom"] + 1 - height, place["width"], height


def test_windows_open_beside_the_band_and_can_be_seen(start: Start) -> None:
    band = start(controlled=True)
    for key, title in (("ctrl+comma", "Settings"), ("ctrl+h", "History"), ("ctrl+t", "Times")):
        band.key(key)
        window = band.find(title)
        assert wait_until(partial(is_beside, band, window))
        band.key("Escape", window=window)


def is_beside(band: Band, window: str) -> bool:
    return not overlap(band.box(window), band.box())


@pytest.mark.parametrize(
    ("screen", "scale"),
    [("1024x600", "1"), ("1024x600", "2"), ("1280x720", "2")],
    indirect=["screen"],
)
def test_windows_and_their_frames_fit_on_a_small_screen(start: Start, scale: str) -> None:
    band = start(controlled=True, first_start=True, environ={"QT_SCALE_FACTOR": scale})
    height, width, _ = band.screen.picture().shape
    windows = {"": "translated", "ctrl+comma": "Settings", "ctrl+h": "History", "ctrl+t": "Times"}
    for key, title in windows.items():
        if key:
            band.key(key)
        window = band.find(title)

        def fits(window: str = window) -> bool:
            left, top, right, bottom = edges(band, window)
            return left >= 0 and top >= 0 and right <= width and bottom <= height

        assert wait_until(fits), (title, edges(band, window))
        band.key("Escape", window=window)


@pytest.mark.parametrize(("screen", "scale"), [("1024x600", "2")], indirect=["screen"])
def test_a_large_window_takes_the_room_that_its_frame_leaves(start: Start, scale: str) -> None:
    band = start(controlled=True, environ={"QT_SCALE_FACTOR": scale})
    band.key("ctrl+comma")
    settings = band.find("Settings")
    assert wait_until(lambda: edges(band, settings)[1] != band.box(settings)[1])  # it has a frame
    band.key("Escape", window=settings)
    band.key("ctrl+h")
    history = band.find("History")
    height = len(band.screen.picture())

    def fills() -> bool:
        _, top, _, bottom = edges(band, history)
        return height - 2 * int(scale) <= bottom - top <= height

    assert wait_until(fills), edges(band, history)


def edges(band: Band, window: str) -> Box:
    """Left, top, right and bottom of a window with the frame that the manager gave it."""
    told = band.tool("xprop", "-id", window, "_NET_FRAME_EXTENTS")
    left, right, top, bottom = map(int, told.partition("=")[2].split(","))
    x, y, width, height = band.box(window)
    return x - left, y - top, x + width + right, y + height + bottom


def test_a_band_that_fills_the_screen_does_not_cover_the_settings(start: Start) -> None:
    band = start(font_pt=60, rows=6, width_percent=100)
    band.key("ctrl+comma")
    settings = band.find("Settings")
    x, y, _, _ = band.box(settings)
    assert wait_until(lambda: is_light(band, (x + 4, y + 40, 4, 4)))


def is_light(band: Band, box: Box) -> bool:
    return bool((band.screen.picture(box) > 200).all())
