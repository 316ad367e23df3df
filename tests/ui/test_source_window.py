from collections.abc import Iterator

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtWidgets import QDialogButtonBox

from tests.ui.fakes import FakeControl
from tests.ui.waiting import wait_until
from ui.background import Background
from ui.control import Choice
from ui.source_window import SourceWindow


@pytest.fixture
def control() -> FakeControl:
    return FakeControl(first_start=True)


@pytest.fixture
def window(control: FakeControl, background: Background) -> Iterator[SourceWindow]:
    window = SourceWindow(control, background)
    window.show()
    assert wait_until(lambda: window.start.isEnabled() or not control.sources)
    yield window
    window.close()
    window.deleteLater()


def test_the_level_of_the_chosen_source_is_shown(
    window: SourceWindow, control: FakeControl
) -> None:
    assert control.listening == ["mic"]
    control.level(0.4)
    assert window.meter.value() == 40
    window.sources.setCurrentIndex(1)
    assert control.listening == ["mic:Monitor"]


def test_start_chooses_and_listens_no_longer(window: SourceWindow, control: FakeControl) -> None:
    window.sources.setCurrentIndex(1)
    (buttons,) = window.findChildren(QDialogButtonBox)
    buttons.buttons()[0].click()
    assert control.heard == [["choose", "source", "mic:Monitor"], ["start"]]
    assert control.listening == []
    assert not window.isVisible()


def test_closing_the_window_starts_nothing(window: SourceWindow, control: FakeControl) -> None:
    window.close()
    assert (control.listening, control.heard) == ([], [])


@pytest.fixture
def without_devices(control: FakeControl) -> None:
    control.sources.clear()


@pytest.mark.usefixtures("without_devices")
def test_a_microphone_that_is_plugged_in_appears_by_itself(
    window: SourceWindow, control: FakeControl
) -> None:
    assert wait_until(lambda: window.text.text().startswith("No microphone was found"))
    assert not window.start.isEnabled()
    control.sources.append(Choice("mic", "mic"))
    assert wait_until(lambda: window.start.isEnabled())
    assert control.listening == ["mic"]
