from collections.abc import Iterator

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu

from tests.ui.fakes import FakeControl
from tests.ui.waiting import wait_until
from ui.background import Background
from ui.choice_text import choice_text
from ui.control import Choice
from ui.session_menu import SessionMenu


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
def menu(control: FakeControl, background: Background) -> Iterator[QMenu]:
    menu = QMenu()
    SessionMenu(control, menu, background)
    assert wait_until(lambda: entry(menu, "Listen to").isVisible())
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
    ticks = [True, False]
    assert wait_until(lambda: [each.isChecked() for each in entries(menu, "Steadiness")] == ticks)


def test_a_device_that_was_plugged_in_is_offered_when_the_menu_opens_again(
    menu: QMenu, control: FakeControl
) -> None:
    control.sources.append(Choice("mic:Headset", "Headset"))
    menu.aboutToShow.emit()
    assert wait_until(lambda: entries(menu, "Listen to")[-1].text() == "Headset")


def test_the_menu_opens_while_devices_are_still_looked_for(
    menu: QMenu, control: FakeControl
) -> None:
    control.may_look.clear()
    menu.aboutToShow.emit()  # does not wait
    assert len(entries(menu, "Listen to")) == 2
    control.may_look.set()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("steady", "Steady: two words later"),
        ("budget:0", "Still: no word is ever taken back"),
        ("budget:0.2", "Calm: 20 of 100 words are taken back at most"),
        ("delay:1.5", "Words settle after 1.5 s"),
        ("mic", "Default microphone"),
        ("mic:A: B", "a device"),
    ],
)
@pytest.mark.usefixtures("qt")
def test_choices_are_named_for_people(value: str, text: str) -> None:
    assert choice_text(Choice(value, "a device")) == text


def test_what_cannot_be_chosen_is_not_offered(menu: QMenu) -> None:
    assert not entry(menu, "Translator").isVisible()
