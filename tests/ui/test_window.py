"""A real window on a real X server, handled as a person would handle it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import TIMEOUT_S, wait_until
from tests.ui.screen import NEEDS_X, ROOT, Start
from tests.ui.streams import caption

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)
pytestmark = NEEDS_X


def test_captions_reach_the_screen_and_the_band_ends_with_its_job(start: Start) -> None:
    band = start(dwell_s=1)
    box = band.box()
    assert abs(box[0] + box[2] // 2 - 640) <= 1
    assert 600 < box[1] + box[3] < 720
    assert "_NET_WM_STATE_ABOVE" in band.tool("xprop", "-id", band.window, "_NET_WM_STATE")
    assert band.ink(box) == 0
    band.publish(caption("", "Guten Tag", source="good day"))
    band.publish(caption("Guten Tag", source="good day", revision=1, final=True))
    assert wait_until(lambda: band.ink(box) > 300)
    assert band.box() == box
    band.tell("end")
    assert band.end() == (0, "")


def test_escape_closes_the_band_and_the_job_finalises(start: Start) -> None:
    band = start()
    band.key("Escape")
    assert band.end() == (0, "finalised\n")


def test_ctrl_c_in_the_terminal_closes_the_band_and_the_job_finalises(start: Start) -> None:
    band = start()
    band.process.send_signal(signal.SIGINT)
    assert band.end() == (130, "finalised\n")


def test_the_band_is_dragged_widened_and_found_again_where_it_was_left(
    start: Start, tmp_path: Path
) -> None:
    files = {f"{name}_file": str(tmp_path / f"{name}.json") for name in ("place", "changes")}
    band = start(**files)
    x, y, width, height = band.box()
    band.drag((x + 200, y + 40), (-60, -300))
    assert wait_until(lambda: band.box() == (x - 60, y - 300, width, height))
    band.drag((x - 60 + width - 4, y - 300 + 40), (100, 0))
    left = x - 60, y - 300, width + 100, height
    assert wait_until(lambda: band.box() == left)
    band.key("ctrl+plus")
    assert wait_until(lambda: band.box()[3] > height)
    larger = band.box()
    assert larger[1] + larger[3] == left[1] + left[3]
    band.key("ctrl+q")
    assert band.end()[0] == 0
    assert start(**files).box() == larger


@pytest.mark.parametrize("locked", [True, False])
def test_a_click_reaches_the_window_below_only_through_a_locked_band(
    start: Start, locked: bool
) -> None:
    band = start(tray=False)
    x, y, width, height = band.box()
    if locked:
        band.key("ctrl+l")
    below = subprocess.Popen(
        ["xev", "-geometry", f"{width}x{height + 40}+{x}+{y - 40}", "-event", "button"],
        env=band.environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        band.tool("xdotool", "search", "--sync", "--onlyvisible", "--name", "Event Tester")
        band.tool("xdotool", "windowraise", band.window)
        band.click(x + 100, y + 40)  # on the band
        band.click(x + 100, y - 20)  # above it, on the other window alone
        assert below.stdout is not None
        clicked = []
        while (x + 100, y - 20) not in clicked:
            found = re.search(r"root:\((\d+),(\d+)\)", below.stdout.readline())
            if found:
                clicked.append((int(found[1]), int(found[2])))
        assert ((x + 100, y + 40) in clicked) is locked
    finally:
        below.terminate()
        below.communicate()


def test_a_locked_band_still_shows_captions(start: Start) -> None:
    band = start(locked=True, tray=False)
    band.publish(caption("Guten Tag"))
    assert wait_until(lambda: band.ink(band.box()) > 300)
    band.process.send_signal(signal.SIGTERM)
    assert band.end("no system tray") == (143, "finalised\n")


def test_a_server_without_other_clients_does_not_reset_before_qt_comes() -> None:
    # Xvfb resets when its last client leaves; the look for a display must not be that client.
    code = """
import subprocess
from ui.application import OverlaySettings, run_overlay
async def job(publish):
    pass
for _ in range(3):
    assert run_overlay(job, OverlaySettings()) == 0
"""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write)], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    with os.fdopen(read) as numbers:
        display = f":{numbers.readline().strip()}"
    environ = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
    environ |= {"DISPLAY": display, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environ,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        server.terminate()
        server.wait()
