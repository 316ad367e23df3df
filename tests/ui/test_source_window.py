from collections.abc import Iterator

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtWidgets import QApplication, QDialogButtonBox

from tests.ui.fakes import FakeControl
from ui.source_window import SourceWindow


@pytest.fixture
def control() -> FakeControl:
    return FakeControl(first_start=True)


@pytest.fixture
def window(qt: QApplication, control: FakeControl) -> Iterator[SourceWindow]:
    window = SourceWindow(control)
    window.show()
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
