import socket
import sys
from pathlib import Path

import pytest

from ui.display import DisplayError, choose_platform, has_compositor

pytestmark = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="displays of X and Wayland"
)


@pytest.fixture
def _qt_loads() -> None:
    pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)


@pytest.mark.usefixtures("_qt_loads")
@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "DISPLAY is not set; WAYLAND_DISPLAY is not set"),
        ({"DISPLAY": ":4242"}, "no X server answers at DISPLAY=:4242"),
        ({"DISPLAY": "nonsense"}, "no X server answers at DISPLAY=nonsense"),
        ({"WAYLAND_DISPLAY": "/nowhere"}, "no Wayland compositor answers at /nowhere"),
        ({"QT_QPA_PLATFORM": "xbc"}, "Qt has no platform 'xbc'"),
        ({"QT_QPA_PLATFORM": "xcb", "WAYLAND_DISPLAY": "/nowhere"}, "DISPLAY is not set$"),
    ],
)
def test_a_missing_display_gives_one_clear_line(environ: dict[str, str], message: str) -> None:
    with pytest.raises(DisplayError, match=message) as info:
        choose_platform(environ)
    assert "\n" not in str(info.value)


@pytest.mark.usefixtures("_qt_loads")
def test_the_platform_that_the_user_names_is_taken() -> None:
    assert choose_platform({"QT_QPA_PLATFORM": "offscreen"}) == "offscreen"
    assert choose_platform({"QT_QPA_PLATFORM": "xcb;offscreen"}) == "offscreen"
    assert has_compositor("offscreen", {})


@pytest.mark.usefixtures("_qt_loads")
def test_wayland_is_taken_where_its_compositor_answers(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as compositor:
        compositor.bind(str(tmp_path / "wayland-0"))
        compositor.listen()
        environ = {"XDG_RUNTIME_DIR": str(tmp_path), "WAYLAND_DISPLAY": "wayland-0"}
        assert choose_platform(environ) == "wayland"


def test_without_pyqt6_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PyQt6", None)
    with pytest.raises(DisplayError, match=r"pip install 'dragoman\[ui\]'"):
        choose_platform({})
