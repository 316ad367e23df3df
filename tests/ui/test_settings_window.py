import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import TypeVar

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtCore import QObject, QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFontComboBox,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QSpinBox,
    QTabWidget,
    QWidget,
)

from engine.captions import LiveFigures, LoadState
from tests.ui.fakes import FakeControl
from tests.ui.streams import caption
from tests.ui.waiting import wait_until
from ui.background import Background
from ui.overlay import Overlay
from ui.settings import CHOICES, COLOURS, HOTKEYS, RANGES, OverlaySettings
from ui.settings_window import SettingsWindow

NO_LOCK_KEY = "No key: Lock and unlock"
WORK = "A second of sound takes 0.17 s of work."
PROMISES = {
    LoadState.KEEPING_UP: "This machine keeps up.",
    LoadState.FINALS_ONLY: "This machine does not keep up: only finished sentences come.",
}
CONFIGURED = OverlaySettings(motion="off", font_pt=30)


Editor = TypeVar("Editor", bound=QWidget)


@pytest.fixture
def overlay(qt: QApplication) -> Iterator[Overlay]:
    overlay = Overlay(dataclasses.replace(CONFIGURED, rows=3))
    overlay.show()
    yield overlay
    overlay.close()
    overlay.deleteLater()


@pytest.fixture
def window(overlay: Overlay) -> SettingsWindow:
    window = SettingsWindow(overlay, CONFIGURED, lambda: "Wayland does not allow this.")
    window.show()
    assert QTest.qWaitForWindowExposed(window)
    return window


def editor(window: SettingsWindow, kind: type[Editor], key: str) -> Editor:
    found: Editor | None = window.findChild(kind, key)
    assert found is not None, key
    return found


def test_every_setting_with_a_range_or_a_choice_can_be_set(window: SettingsWindow) -> None:
    named = {child.objectName() for child in window.findChildren(QObject) if child.objectName()}
    more = {"font_family", "reading_mode", "locked", "status"}
    assert {*RANGES, *CHOICES, *COLOURS, *more} <= named
    assert {*HOTKEYS} - {"hotkey_session"} <= named  # that one needs an engine


def test_the_band_follows_each_change_at_once(overlay: Overlay, window: SettingsWindow) -> None:
    height = overlay.height()
    editor(window, QSpinBox, "rows").setValue(4)
    assert overlay.settings.rows == 4
    assert overlay.height() > height
    editor(window, QDoubleSpinBox, "opacity").setValue(0.5)
    editor(window, QCheckBox, "reading_mode").setChecked(True)
    combo = editor(window, QComboBox, "show")
    QTest.keyClick(combo, Qt.Key.Key_Down)
    assert overlay.settings.show == "translation"
    assert (overlay.settings.opacity, overlay.settings.reading_mode) == (0.5, True)


def test_text_in_sight_stays_when_a_setting_changes(
    overlay: Overlay, window: SettingsWindow
) -> None:
    overlay.show_captions([caption("Guten Tag", source="good day")])
    editor(window, QSpinBox, "font_pt").setValue(40)
    assert [line.text for line in overlay.frame.target] == ["Guten Tag"]
    assert overlay.settings.font_pt == 40


def test_editors_follow_the_menu(overlay: Overlay, window: SettingsWindow) -> None:
    overlay.change(dataclasses.replace(overlay.settings, reading_mode=True, rows=5))
    assert editor(window, QCheckBox, "reading_mode").isChecked()
    assert editor(window, QSpinBox, "rows").value() == 5


def test_high_contrast_and_reset(overlay: Overlay, window: SettingsWindow) -> None:
    editor(window, QPushButton, "high_contrast").click()
    assert (overlay.settings.box_colour, overlay.settings.opacity) == ("#000000", 1.0)
    editor(window, QPushButton, "reset").click()
    assert overlay.settings == CONFIGURED


def test_every_editor_is_reached_with_tab_and_has_a_name(
    qt: QApplication, window: SettingsWindow
) -> None:
    window.activateWindow()
    (tabs,) = window.findChildren(QTabWidget)
    for page in range(tabs.count()):
        tabs.setCurrentIndex(page)
        bar = tabs.tabBar()
        assert bar is not None
        bar.setFocus()
        reached = set()
        for _ in range(30):
            focused = window.focusWidget()
            assert focused is not None
            reached.add(focused.objectName())
            QTest.keyClick(focused, Qt.Key.Key_Tab)
        shown = tabs.currentWidget()
        assert shown is not None
        for kind in (QSpinBox, QDoubleSpinBox, QComboBox, QCheckBox, QKeySequenceEdit):
            for child in shown.findChildren(kind):
                assert child.objectName() in reached
                assert child.accessibleName()


def turn_wheel(over: QWidget) -> bool:
    """Turn the wheel down by a notch; whether the widget takes it, and not what it stands on."""
    at, still = QPointF(over.rect().center()), QPoint()
    event = QWheelEvent(
        at,
        QPointF(over.mapToGlobal(at)),
        still,
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(over, event)
    return event.isAccepted()


@pytest.mark.parametrize(
    ("kind", "key"), [(QSpinBox, "font_pt"), (QComboBox, "show"), (QFontComboBox, "font_family")]
)
def test_the_wheel_scrolls_the_page_and_turns_only_the_field_that_has_focus(
    overlay: Overlay, window: SettingsWindow, kind: type[QWidget], key: str
) -> None:
    field, before = editor(window, kind, key), overlay.settings
    window.setFocus()
    assert not turn_wheel(field)
    assert overlay.settings == before
    assert field.focusPolicy() == Qt.FocusPolicy.StrongFocus  # the wheel does not give it
    window.activateWindow()
    field.setFocus()
    assert wait_until(field.hasFocus)
    assert turn_wheel(field)


def test_what_the_platform_does_not_allow_is_said(window: SettingsWindow) -> None:
    assert editor(window, QLabel, "limits").text() == "Wayland does not allow this."


def test_the_honest_line_says_whether_the_machine_keeps_up(overlay: Overlay) -> None:
    for n in range(9):
        late = dataclasses.replace(caption("eins", revision=n), end_s=n, emitted_s=n + 5.0)
        overlay.figures.painted(late, 0.0)
    window = SettingsWindow(overlay, CONFIGURED, str)
    window.show()
    said = editor(window, QLabel, "promise").text()
    assert said.startswith("This machine does not keep up. A GPU")
    assert said.endswith("Text comes 5.0 s after the words.")
    window.close()


def begins(label: QLabel, text: str) -> bool:
    return label.text().startswith(text)


def test_the_honest_line_follows_the_engine(overlay: Overlay, window: SettingsWindow) -> None:
    said = editor(window, QLabel, "promise")
    for revision, load in enumerate((LoadState.KEEPING_UP, LoadState.FINALS_ONLY)):
        live = LiveFigures(load=load, real_time_factor=0.17)
        one = caption("eins", revision=revision)
        overlay.figures.painted(dataclasses.replace(one, live=live, end_s=0.0), 0.0)
        assert wait_until(partial(begins, said, f"{PROMISES[load]} {WORK}"))


def test_the_steadiness_of_the_session_is_set_by_step_budget_or_delay(
    overlay: Overlay, background: Background
) -> None:
    control = FakeControl()
    control.chosen["stability"] = "budget:0.35"
    window = SettingsWindow(overlay, CONFIGURED, str, control=control, background=background)
    (tabs,) = window.findChildren(QTabWidget)
    tabs.setCurrentIndex(2)
    window.show()
    kind = editor(window, QComboBox, "steadiness")
    number = editor(window, QDoubleSpinBox, "steadiness_number")
    assert wait_until(lambda: (kind.currentData(), number.value()) == ("budget", 0.35))
    assert control.heard == []
    QTest.keyClick(kind, Qt.Key.Key_Down)
    assert control.heard[-1] == ["choose", "stability", "delay:2"]
    number.stepUp()
    assert wait_until(lambda: control.heard[-1] == ["choose", "stability", "delay:2.25"])
    QTest.keyClick(kind, Qt.Key.Key_Home)
    assert control.heard[-1] == ["choose", "stability", "eager"]
    assert not number.isVisible()
    window.close()


def test_a_hotkey_is_set_by_pressing_it_and_one_that_is_needed_to_write_is_not_taken(
    overlay: Overlay, window: SettingsWindow
) -> None:
    (tabs,) = window.findChildren(QTabWidget)
    tabs.setCurrentIndex(4)
    keys = editor(window, QKeySequenceEdit, "hotkey_lock")
    keys.setFocus()
    ctrl_alt = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    QTest.keyClick(keys, Qt.Key.Key_K, ctrl_alt)
    assert wait_until(lambda: overlay.settings.hotkey_lock == "Ctrl+Alt+K")
    for refused in (Qt.Key.Key_A, Qt.Key.Key_Control):
        QTest.keyClick(keys, refused)
        assert wait_until(lambda: keys.keySequence().toString() == "Ctrl+Alt+K")
        assert overlay.settings.hotkey_lock == "Ctrl+Alt+K"
    (none,) = (b for b in window.findChildren(QPushButton) if b.accessibleName() == NO_LOCK_KEY)
    none.click()
    assert (overlay.settings.hotkey_lock, keys.keySequence().toString()) == ("", "")


def test_where_there_are_no_global_hotkeys_the_settings_say_so(overlay: Overlay) -> None:
    window = SettingsWindow(overlay, CONFIGURED, str, has_hotkeys=False)
    assert not editor(window, QKeySequenceEdit, "hotkey_hide").isEnabled()
    said = [label.text() for label in window.findChildren(QLabel)]
    assert "This platform lets no program have keys of its own everywhere." in said


def test_a_sample_is_shown_only_where_there_is_no_text(
    overlay: Overlay, window: SettingsWindow
) -> None:
    assert overlay.frame.target
    overlay.show_captions([caption("echter Text")])
    assert [line.text for line in overlay.frame.target] == ["echter Text"]
    window.close()
    assert [line.text for line in overlay.frame.target] == ["echter Text"]
