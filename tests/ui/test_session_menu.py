from collections.abc import Iterator

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QApplication, QMenu

from tests.ui.fakes import FakeControl
from ui.session_menu import SessionMenu


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
def menu(qt: QApplication, control: FakeControl) -> Iterator[QMenu]:
    menu = QMenu()
    SessionMenu(control, menu)
    yield menu
    menu.deleteLater()


def entry(menu: QMenu, text: str) -> QAction:
    (found,) = (action for action in menu.actions() if action.text() == text)
    return found


def entries(menu: QMenu, text: str) -> list[QAction]:
    submenu = entry(menu, text).menu()
    assert isinstance(submenu, QMenu)
    return submenu.actions()


def test_start_becomes_stop(menu: QMenu, control: FakeControl) -> None:
    entry(menu, "Start").trigger()
    assert control.running
    entry(menu, "Stop").trigger()
    assert control.heard == [["start"], ["stop"]]


def test_sources_are_named_for_people_and_chosen(menu: QMenu, control: FakeControl) -> None:
    default, loopback = entries(menu, "Listen to")
    assert (default.text(), default.isChecked()) == ("Default microphone", True)
    assert loopback.text() == "What the computer plays (Monitor)"
    loopback.trigger()
    assert control.heard == [["choose", "source", "mic:Monitor"]]


def test_what_was_chosen_is_ticked_when_the_menu_opens_again(
    menu: QMenu, control: FakeControl
) -> None:
    entries(menu, "Steadiness")[0].trigger()
    menu.aboutToShow.emit()
    assert [action.isChecked() for action in entries(menu, "Steadiness")] == [True, False]


def test_what_cannot_be_chosen_is_not_offered(menu: QMenu) -> None:
    assert not entry(menu, "Translator").isVisible()
