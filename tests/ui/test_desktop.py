"""The whole desktop side on a real X server: windows, keys from anywhere, what is said."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.patience import TIMEOUT_S, wait_until
from tests.ui.screen import NEEDS_X, Band, Start, start_band, virtual_screen
from tests.ui.streams import caption

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)
pytestmark = NEEDS_X

YELLOW = (255, 230, 0)


def has_colour(band: Band, colour: tuple[int, int, int]) -> bool:
    return bool((band.screen.picture(band.box()) == colour).all(axis=2).any())


def is_mapped(band: Band) -> bool:
    return "IsViewable" in band.tool("xwininfo", "-id", band.window)


def heard(band: Band) -> list[list[str]]:
    told: list[list[str]] = json.loads(band.answer("control"))
    return told


def test_a_setting_shows_at_once_and_after_a_restart(start: Start, tmp_path: Path) -> None:
    file = str(tmp_path / "changes.json")
    band = start(changes_file=file)
    band.publish(caption("Guten", "Tag"))
    assert wait_until(lambda: band.ink(band.box()) > 100)
    assert not has_colour(band, YELLOW)
    band.key("ctrl+comma")
    settings = band.find("Settings")
    band.key("alt+h", window=settings)
    assert wait_until(lambda: has_colour(band, YELLOW))
    band.key("ctrl+q")
    assert band.end()[0] == 0
    again = start(changes_file=file)
    again.publish(caption("Guten", "Tag"))
    assert wait_until(lambda: has_colour(again, YELLOW))


def test_the_keyboard_alone_sets_the_size_of_the_text(start: Start) -> None:
    band = start()
    height = band.box()[3]
    band.key("ctrl+comma")
    settings = band.find("Settings")
    band.key("Tab", "Tab", "Tab", *["Up"] * 4, window=settings)
    assert wait_until(lambda: band.box()[3] > height)


def test_the_settings_show_a_sample_in_the_band_until_they_are_closed(start: Start) -> None:
    band = start()
    band.key("ctrl+comma")
    settings = band.find("Settings")
    assert wait_until(lambda: band.ink(band.box()) > 300)
    band.key("Escape", window=settings)
    assert wait_until(lambda: band.ink(band.box()) == 0)


def test_the_history_and_the_times_open_by_key(start: Start) -> None:
    band = start(controlled=True)
    band.publish(caption("Guten Tag"))
    for key, title in (("ctrl+h", "History"), ("ctrl+t", "Times of each word")):
        band.key(key)
        assert band.find(title)


def test_the_end_of_the_job_closes_no_window_that_is_being_used(start: Start) -> None:
    band = start(controlled=True, dwell_s=1.0)
    band.key("ctrl+h")
    history = band.find("History")
    band.tell("end")
    with pytest.raises(subprocess.TimeoutExpired):
        band.process.wait(timeout=2.5)
    band.key("Escape", window=history)
    assert band.end()[0] == 0


def test_a_hidden_band_can_be_quit(start: Start) -> None:
    band = start(controlled=True)
    band.key("ctrl+alt+h")
    assert wait_until(lambda: not is_mapped(band))
    band.process.send_signal(signal.SIGTERM)
    assert band.end() == (143, "finalised\n")


def test_a_display_that_goes_away_is_one_clear_line(tmp_path: Path) -> None:
    with virtual_screen(tmp_path) as screen:
        band = start_band(screen, {"tray": False})
    band.process.wait(timeout=TIMEOUT_S)
    _, complaints = band.process.communicate()
    assert "the display went away" in complaints.splitlines()[-1]


def test_global_hotkeys_reach_a_band_that_has_not_the_keyboard(start: Start) -> None:
    band = start()
    other = subprocess.Popen(
        ["xev", "-geometry", "200x100+0+0", "-event", "button"],
        env=band.environ,
        stdout=subprocess.DEVNULL,
    )
    try:
        elsewhere = band.find("Event Tester")
        assert is_mapped(band)
        band.key("ctrl+alt+h", window=elsewhere)
        assert wait_until(lambda: not is_mapped(band))
        band.key("ctrl+alt+h", window=elsewhere)
        assert wait_until(lambda: is_mapped(band))
    finally:
        other.terminate()
        other.wait()


def test_hotkeys_are_those_of_the_settings(start: Start) -> None:
    band = start(controlled=True, hotkey_hide="Shift+F9", hotkey_session="Ctrl+Alt+7")
    band.tool("xdotool", "key", "ctrl+alt+7")
    assert wait_until(lambda: heard(band) == [["start"]])
    band.tool("xdotool", "key", "shift+F9")
    assert wait_until(lambda: not is_mapped(band))


def test_a_hotkey_that_is_changed_in_the_settings_works_at_once(start: Start) -> None:
    band = start()
    band.key("ctrl+comma")
    settings = band.find("Settings")
    band.key("alt+k", *["Tab"] * 3, "ctrl+alt+y", window=settings)  # the second key hides
    band.key("Escape", window=settings)
    assert wait_until(lambda: press(band, "ctrl+alt+y") and not is_mapped(band))
    assert wait_until(lambda: press(band, "ctrl+alt+y") and is_mapped(band))


def press(band: Band, key: str) -> bool:
    """Press a key, and give the band the time to obey."""
    before = is_mapped(band)
    band.tool("xdotool", "key", key)
    return wait_until(lambda: is_mapped(band) != before, 2.0)


def test_a_hotkey_of_another_program_is_left_to_it_and_named(start: Start) -> None:
    first, second = start(), start()
    second.process.send_signal(signal.SIGINT)
    assert second.end("Ctrl+Alt+D belongs to another program")[0] == 130
    first.key("ctrl+q")
    assert first.end()[0] == 0


def test_the_menu_of_a_right_click_starts_the_session(start: Start) -> None:
    band = start(controlled=True)
    x, y, _, _ = band.box()
    band.click(x + 60, y + 30, button=3)
    band.tool("xdotool", "key", "Down", "Return")
    assert wait_until(lambda: heard(band) == [["start"]])


@pytest.mark.parametrize("subject", ["device", "feed"])
def test_a_loss_is_said_in_the_band_and_taken_back(start: Start, subject: str) -> None:
    band = start(motion="off")
    band.publish(caption("Guten Tag"))
    assert wait_until(lambda: band.ink(band.box()) > 300)
    before = band.screen.picture(band.box()).copy()
    band.tell(json.dumps({"phase": "lost", "subject": subject}))
    assert wait_until(lambda: (band.screen.picture(band.box()) != before).sum() > 1000)
    band.tell(json.dumps({"phase": "running", "subject": subject}))
    assert wait_until(lambda: bool((band.screen.picture(band.box()) == before).all()))


def test_the_band_speaks_german_where_the_system_does(start: Start) -> None:
    band = start(interface_lang="de")
    band.key("ctrl+comma")
    assert band.find("Einstellungen")
