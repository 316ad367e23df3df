import json
import os
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtWidgets import QApplication

from tests.patience import TIMEOUT_S
from tests.ui.screen import ROOT
from ui.overlay import Overlay
from ui.reduced_motion import asks_for_less_motion
from ui.settings import OverlaySettings

GNOME = ("org.gnome.desktop.interface", "enable-animations")
KDE = ("org.kde.kdeglobals.KDE", "AnimationDurationFactor")
COMMON = ("org.freedesktop.appearance", "reduced-motion")


@pytest.mark.parametrize(
    ("setting", "value", "less"),
    [
        (GNOME, False, True),
        (GNOME, True, False),
        (KDE, "0", True),
        (KDE, "0.5", False),
        (KDE, "fast", False),
        (COMMON, 1, True),
        (COMMON, 0, False),
    ],
)
def test_what_each_desktop_says_is_understood(
    setting: tuple[str, str], value: object, less: bool
) -> None:
    assert asks_for_less_motion(lambda *asked: value if asked == setting else None) is less


@pytest.mark.skipif(shutil.which("dbus-run-session") is None, reason="dbus is not installed")
@pytest.mark.parametrize("animations", [True, False])
def test_the_portal_of_a_desktop_is_asked(animations: bool) -> None:
    portal = [sys.executable, "-m", "tests.ui.portal", *GNOME, json.dumps(animations)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["dbus-run-session", "--", *portal], env=environ, capture_output=True, timeout=TIMEOUT_S
    )
    assert done.stdout.decode().strip() == str(not animations), done.stderr.decode()


def test_nothing_moves_where_the_desktop_asks_for_that(qt: QApplication) -> None:
    overlay = Overlay(OverlaySettings(motion="system"))
    moving = overlay._wants_motion()
    overlay.reduce_motion(True)
    assert not overlay._wants_motion()
    overlay.reduce_motion(False)
    assert overlay._wants_motion() is moving
    overlay.deleteLater()
