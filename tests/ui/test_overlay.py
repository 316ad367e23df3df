import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtCore import QEvent, QObject, QPoint, QRect, Qt
from PyQt6.QtGui import QColor, QContextMenuEvent, QFontDatabase, QGuiApplication, QPaintEvent
from PyQt6.QtTest import QSignalSpy, QTest
from PyQt6.QtWidgets import QApplication

from tests.fakes import ManualClock
from tests.ui.streams import caption
from tests.ui.waiting import wait_until
from ui.actions import Actions
from ui.overlay import Overlay
from ui.settings import Motion, OverlaySettings
from ui.status import Notice
from ui.tray import Tray

Make = Callable[..., Overlay]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make(qt: QApplication, clock: ManualClock) -> Iterator[Make]:
    made = []

    def make(
        *, blended: bool = True, motion: Motion = "off", line_s: float = 0.0, **more: Any
    ) -> Overlay:
        settings = OverlaySettings(motion=motion, line_s=line_s, **more)
        overlay = Overlay(settings, blended=blended, clock=clock)
        Actions(overlay, has_history=True).fill(overlay.menu)
        made.append(overlay)
        overlay.show()
        assert QTest.qWaitForWindowExposed(overlay)
        qt.processEvents()
        return overlay

    yield make
    for overlay in made:
        overlay.close()
        overlay.deleteLater()


def actions(overlay: Overlay) -> Actions:
    (found,) = overlay.findChildren(Actions)
    return found


class Paints(QObject):
    """Notes the regions that a widget repaints."""

    def __init__(self, overlay: Overlay) -> None:
        super().__init__(overlay)
        self.areas: list[QRect] = []
        overlay.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if isinstance(event, QPaintEvent):
            self.areas.append(event.rect())
        return False


def desktop() -> QRect:
    """What of the screen is free for windows."""
    screen = QGuiApplication.primaryScreen()
    assert screen is not None
    return screen.availableGeometry()


def ink(overlay: Overlay, area: QRect, colour: QColor) -> int:
    """How many pixels of the area are nearly of this colour."""
    image = overlay.grab(area).toImage()
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    wanted = (colour.red(), colour.green(), colour.blue())
    return sum(
        max(abs(a - b) for a, b in zip(wanted, (p.red(), p.green(), p.blue()), strict=True)) < 30
        for p in pixels
    )


WHITE = QColor(255, 255, 255)


def row_area(overlay: Overlay, row: int) -> QRect:
    return overlay.line_area(overlay.frame.target[row]).toAlignedRect()


def test_the_band_is_at_the_bottom_centre_and_above_all(make: Make) -> None:
    overlay = make()
    screen = desktop()
    assert abs(overlay.geometry().center().x() - screen.center().x()) <= 1
    assert screen.bottom() - overlay.geometry().bottom() in range(1, 60)
    flags = overlay.windowFlags()
    assert flags & Qt.WindowType.WindowStaysOnTopHint
    assert flags & Qt.WindowType.FramelessWindowHint
    assert not flags & Qt.WindowType.WindowTransparentForInput


def test_committed_text_is_white_and_tentative_text_is_not(make: Make) -> None:
    overlay = make()
    overlay.show_captions([caption("Wort")])
    assert ink(overlay, row_area(overlay, 0), WHITE) > 100
    overlay.show_captions([caption("", "Wort", revision=1)])
    assert ink(overlay, row_area(overlay, 0), WHITE) == 0


def test_the_box_keeps_its_size_whatever_the_text(make: Make) -> None:
    overlay = make()
    box = overlay.geometry()
    overlay.show_captions([caption("Wort " * 500, source="word " * 500)])
    QApplication.processEvents()
    assert overlay.geometry() == box
    assert len(overlay.frame.target) == 2


def test_the_same_caption_is_not_painted_twice(make: Make) -> None:
    overlay = make()
    overlay.show_captions([caption("eins")])
    QApplication.processEvents()
    paints = Paints(overlay)
    overlay.show_captions([caption("eins", revision=1)])
    QApplication.processEvents()
    assert paints.areas == []


def test_only_rows_that_changed_are_painted_again(make: Make) -> None:
    overlay = make(rows=4, show="translation")
    overlay.show_captions([caption(str(n), segment=n, final=n < 3) for n in range(4)])
    QApplication.processEvents()
    paints = Paints(overlay)
    overlay.show_captions([caption("3 und", segment=3, revision=1)])
    QApplication.processEvents()
    assert len(paints.areas) == 1
    assert paints.areas[0].contains(row_area(overlay, 3))
    assert not paints.areas[0].intersects(row_area(overlay, 1))


def test_a_partial_repaint_leaves_the_same_picture_as_a_whole_one(make: Make) -> None:
    overlay = make(rows=3)
    for n in range(6):
        overlay.show_captions([caption(f"Ägypten jagt {n}", segment=n, revision=0, source="gj")])
        QApplication.processEvents()
    window = overlay.windowHandle()
    assert window is not None
    screen = overlay.screen()
    assert screen is not None
    partial = screen.grabWindow(overlay.winId()).toImage()
    overlay.repaint()
    whole = screen.grabWindow(overlay.winId()).toImage()
    assert not partial.isNull()
    assert partial == whole


def test_the_band_empties_after_the_dwell_time(make: Make, clock: ManualClock) -> None:
    overlay = make(dwell_s=1)
    clock.now_s = 100.0
    overlay.show_captions([caption("eins", final=True)])
    assert overlay.linger_s == 1.0
    clock.now_s = 101.0
    assert wait_until(lambda: not overlay.frame)
    assert overlay.linger_s == 0.0


def test_without_a_compositor_the_box_is_opaque_and_has_its_shape(make: Make) -> None:
    overlay = make(blended=False)
    assert overlay.grab().toImage().pixelColor(overlay.width() // 2, 2).alpha() == 255
    assert not overlay.mask().contains(QPoint(0, 0))
    assert overlay.mask().contains(QPoint(overlay.width() // 2, 0))


def test_a_locked_empty_band_cannot_be_seen(make: Make) -> None:
    overlay = make(locked=True)
    overlay.show_captions([caption("", final=True)])
    assert overlay.grab().toImage().pixelColor(overlay.width() // 2, 9).alpha() == 0
    actions(overlay).lock.trigger()
    assert overlay.grab().toImage().pixelColor(overlay.width() // 2, 9).alpha() > 0


def test_the_keyboard_sets_the_font_size_and_the_lower_edge_stays(make: Make) -> None:
    overlay = make(font_pt=28)
    bottom, height = overlay.geometry().bottom(), overlay.height()
    overlay.activateWindow()
    QTest.keyClick(overlay, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert overlay.settings.font_pt == 32
    assert (overlay.geometry().bottom(), overlay.height() > height) == (bottom, True)
    for _ in range(30):
        QTest.keyClick(overlay, Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier)
    assert overlay.settings.font_pt == 12


@pytest.mark.parametrize(
    ("key", "modifier"),
    [
        (Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier),
    ],
)
def test_the_keyboard_closes_the_band(
    make: Make, key: Qt.Key, modifier: Qt.KeyboardModifier
) -> None:
    overlay = make()
    closed = QSignalSpy(overlay.closed)
    QTest.keyClick(overlay, key, modifier)
    assert len(closed) == 1
    assert not overlay.isVisible()


def test_the_source_line_can_be_hidden(make: Make) -> None:
    overlay = make()
    overlay.show_captions([caption("eins", source="one")])
    height, bottom = overlay.height(), overlay.geometry().bottom()
    QTest.keyClick(overlay, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert [line.text for line in overlay.frame.source] == []
    assert overlay.height() < height
    assert overlay.geometry().bottom() == bottom
    QTest.keyClick(overlay, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert [line.text for line in overlay.frame.source] == ["one"]
    assert overlay.height() == height


def test_locking_lets_input_through_and_unlocking_does_not(make: Make) -> None:
    overlay = make()
    actions(overlay).lock.trigger()
    assert overlay.locked
    window = overlay.windowHandle()
    assert window is not None
    assert window.flags() & Qt.WindowType.WindowTransparentForInput
    assert overlay.isVisible()
    actions(overlay).lock.trigger()
    assert not window.flags() & Qt.WindowType.WindowTransparentForInput


def test_the_place_is_remembered(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "place.json"
    first = make(place_file=file)
    first.setGeometry(30, 40, 500, first.height())
    first.close()
    assert make(place_file=file).geometry() == QRect(30, 40, 500, first.height())


def test_another_width_in_the_settings_is_taken_at_once_and_remembered(
    make: Make, tmp_path: Path
) -> None:
    file = tmp_path / "place.json"
    first = make(place_file=file)
    first.setGeometry(30, 40, 500, first.height())
    first.change(dataclasses.replace(first.settings, width_percent=30))
    screen = desktop()
    assert first.width() == screen.width() * 30 // 100
    first.close()
    assert make(place_file=file, width_percent=30).geometry() == first.geometry()


def test_a_place_off_the_screen_is_brought_back(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "place.json"
    first = make(place_file=file)
    first.move(5000, 5000)
    first.close()
    screen = desktop()
    assert screen.contains(make(place_file=file).geometry())


def test_the_mouse_moves_the_band(make: Make) -> None:
    overlay = make()
    before = overlay.pos()
    QTest.mousePress(overlay, Qt.MouseButton.LeftButton, pos=QPoint(200, 30))
    QTest.mouseMove(overlay, QPoint(180, 10))
    assert wait_until(lambda: overlay.pos() == before + QPoint(-20, -20))
    QTest.mouseRelease(overlay, Qt.MouseButton.LeftButton)


def test_the_context_menu_does_what_the_keyboard_does(make: Make) -> None:
    overlay = make()
    context = QPoint(50, 20)
    QApplication.sendEvent(
        overlay,
        QContextMenuEvent(QContextMenuEvent.Reason.Mouse, context, overlay.mapToGlobal(context)),
    )
    assert overlay.menu.isVisible()
    (lock,) = (a for a in overlay.menu.actions() if a.text().startswith("Lock"))
    overlay.menu.setActiveAction(lock)
    QTest.keyClick(overlay.menu, Qt.Key.Key_Return)
    assert not overlay.menu.isVisible()
    assert overlay.locked


def test_the_tray_shows_nothing_where_there_is_none(make: Make) -> None:
    overlay = make()
    tray = Tray(overlay.menu, actions(overlay))
    tray.show()
    tray.hide()


@pytest.mark.parametrize(
    ("lang", "system", "first", "second"),
    [
        ("zh", QFontDatabase.WritingSystem.SimplifiedChinese, "我们", "他好"),
        ("ar", QFontDatabase.WritingSystem.Arabic, "شكرا", "أهلا"),
        ("hi", QFontDatabase.WritingSystem.Devanagari, "नमस्ते", "स्वागत"),
    ],
)
def test_other_scripts_are_painted_with_glyphs(
    make: Make, lang: str, system: QFontDatabase.WritingSystem, first: str, second: str
) -> None:
    if not QFontDatabase.families(system):
        pytest.skip(f"no font for {system.name} is installed")
    overlay = make(show="translation")
    pictures = []
    for revision, text in enumerate((first, second)):
        overlay.show_captions([caption(text, lang=lang, revision=revision)])
        assert ink(overlay, row_area(overlay, 0), WHITE) > 100
        pictures.append(overlay.grab().toImage())
    assert pictures[0] != pictures[1]  # two missing glyphs would look alike


def test_a_right_to_left_line_starts_at_the_right(make: Make) -> None:
    overlay = make(show="translation")
    overlay.show_captions([caption("شكرا", lang="ar")])
    area = row_area(overlay, 0)
    left, right = QRect(area), QRect(area)
    left.setWidth(area.width() // 2)
    right.setLeft(area.left() + area.width() // 2)
    assert ink(overlay, left, WHITE) == 0
    assert ink(overlay, right, WHITE) > 100


def test_a_hidden_band_collects_nothing_and_measures_nothing(
    make: Make, clock: ManualClock
) -> None:
    overlay = make()
    overlay.hide()
    for n in range(500):
        clock.now_s += 0.1
        overlay.show_captions([caption("eins", segment=n, final=True)])
    assert overlay.figures.delay_s is None
    overlay.show()
    assert QTest.qWaitForWindowExposed(overlay)
    clock.now_s += 0.1
    overlay.show_captions([caption("zwei", segment=500)])
    assert wait_until(lambda: overlay.figures.delay_s == 0.0)
    assert [line.text for line in overlay.frame.target] == ["eins", "zwei"]


def test_a_line_that_slides_out_is_not_painted_over_the_source_text(
    make: Make, clock: ManualClock
) -> None:
    overlay = make(motion="on")
    overlay.show_captions([caption("MMMM", segment=n, final=True) for n in range(2)])
    clock.now_s = 1.0
    overlay._refresh()
    area = row_area(overlay, 0)
    above = QRect(area.left(), area.top() - 30, area.width(), 24)
    overlay.show_captions([caption("i", segment=2, final=True)])
    clock.now_s = 1.08  # half way out, and half transparent
    overlay._refresh()
    image = overlay.grab(above).toImage()
    places = ((x, y) for x in range(image.width()) for y in range(image.height()))
    assert max(image.pixelColor(x, y).lightness() for x, y in places) < 60


def test_an_empty_band_says_what_the_session_does(make: Make) -> None:
    overlay = make()
    pictures = {}
    for phase in ("running", "starting", "stopped"):
        overlay.show_notice(Notice(phase=phase))
        pictures[phase] = overlay.grab().toImage()
    assert pictures["running"] != pictures["starting"] != pictures["stopped"]
    overlay.show_captions([caption("eins", final=True)])
    overlay.show_notice(Notice(phase="running"))
    calm = overlay.grab().toImage()
    overlay.show_notice(Notice(phase="stopped"))
    assert overlay.grab().toImage() != calm
