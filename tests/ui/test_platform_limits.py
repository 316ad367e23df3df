import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from ui.display import is_bridged
from ui.platform_limits import Platform, limits_text


def test_where_everything_works_nothing_is_said() -> None:
    assert limits_text(Platform("xcb", blended=True)) == ""


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        (Platform("xcb", blended=False), "No compositor runs on this X server"),
        (Platform("xcb", blended=True, bridged=True), "runs through XWayland"),
        (Platform("wayland", blended=True), "Wayland without XWayland"),
        (Platform("windows", blended=True), "not been tested on this system"),
        (Platform("cocoa", blended=True), "not been tested on this system"),
    ],
)
def test_what_does_not_work_is_said(platform: Platform, said: str) -> None:
    assert said in limits_text(platform)


def test_an_x_server_in_a_wayland_session_is_recognised() -> None:
    assert is_bridged("xcb", {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"})
    assert not is_bridged("xcb", {"DISPLAY": ":0"})
    assert not is_bridged("wayland", {"WAYLAND_DISPLAY": "wayland-0"})
