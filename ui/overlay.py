"""The band: a window of subtitles above everything else."""

import math
import time
from collections.abc import Callable, Iterable

from PyQt6.QtCore import QPoint, QRect, QRectF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import (
    QAction,
    QCloseEvent,
    QColor,
    QContextMenuEvent,
    QFont,
    QGuiApplication,
    QMoveEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QScreen,
)
from PyQt6.QtWidgets import QMenu, QWidget

from engine.captions import Caption
from ui.grip import Grip
from ui.paint import TextStyle, subtitle_font
from ui.place import Place, PlaceMemory
from ui.settings import OverlaySettings
from ui.state import Frame, Line, Shape, SubtitleState

BOX = QColor(14, 16, 20)
BOX_RADIUS = 14.0
TARGET_COLOURS = QColor(255, 255, 255), QColor(172, 184, 200)
SOURCE_COLOURS = QColor(208, 215, 224), QColor(158, 168, 182)
SOURCE_SHARE = 0.58
"""Size of the source text, as a share of the translation's."""
FONT_STEP = 1.125
FONT_RANGE_PT = (12, 96)
EMPTY_SHARE = 0.4
"""How much of its opacity the box keeps while it is empty and can be moved."""
NARROWEST_PX = 240


class Overlay(QWidget):
    """Paints the captions it is given; moved, resized and set by the user.

    The box has a fixed size: only the user changes it, never the text. Widgets belong to the GUI
    thread, and so do all methods.
    """

    closed = pyqtSignal()

    def __init__(
        self,
        settings: OverlaySettings,
        *,
        blended: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`blended`: translucency works, as a compositor is there; otherwise the box is opaque."""
        super().__init__(None, _window_flags(settings.locked))
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setWindowTitle("Dragoman")
        self.setAccessibleName(self.tr("Subtitles"))
        self.frame = Frame()
        self.show_source = settings.show_source
        self.font_pt = settings.font_pt
        self._settings = settings
        self._blended = blended
        self._clock = clock
        self._fresh = True  # no caption has come yet
        self._memory = PlaceMemory(settings.place_file)
        self._expiry = QTimer(self)
        self._expiry.setSingleShot(True)
        self._expiry.timeout.connect(self._refresh)
        self._moved = QTimer(self)
        self._moved.setSingleShot(True)
        self._moved.setInterval(400)  # ms without another move
        self._moved.timeout.connect(self._remember)
        self._grip = Grip(self)
        self._lay_out_styles()
        self._state = SubtitleState(*self._shapes(), dwell_s=settings.dwell_s)
        self._make_actions()
        self.place()
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        for signal in (app.screenAdded, app.screenRemoved, app.primaryScreenChanged):
            signal.connect(self.place)

    # Captions

    def show_captions(self, captions: Iterable[Caption]) -> None:
        """Take new captions; repaints only the rows that look different."""
        now_s = self._clock()
        for caption in captions:
            self._state.apply(caption, now_s)
        self._fresh = False
        self._refresh()

    @property
    def linger_s(self) -> float:
        """How long the text in sight should still stay if no caption follows, in seconds."""
        if not self.frame:
            return 0.0
        expires_s = self._state.expires_s
        return self._settings.dwell_s if expires_s is None else expires_s - self._clock()

    def _refresh(self) -> None:
        now_s = self._clock()
        old, self.frame = self.frame, self._state.frame(now_s)
        expires_s = self._state.expires_s
        if expires_s is None:
            self._expiry.stop()
        else:
            self._expiry.start(max(0, math.ceil((expires_s - now_s) * 1000)))
        if self.frame == old and old:
            return
        if not old or not self.frame:
            self.update()
            return
        for now, before, area_of in (
            (self.frame.target, old.target, self._target_area),
            (self.frame.source, old.source, self._source_area),
        ):
            for line in set(now) ^ set(before):
                self.update(self._reach(area_of(line.row)).toAlignedRect())

    # Painting

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: D102 (Qt's)
        assert event is not None
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(event.rect())
        painter.fillPath(self._box(), self._box_colour())
        if self._fresh:
            self._paint_hint(painter)
        dirty = QRectF(event.rect())
        for style, lines, area_of in (
            (self._source, self.frame.source, self._source_area),
            (self._target, self.frame.target, self._target_area),
        ):
            for line in lines:
                area = area_of(line.row)
                if self._reach(area).intersects(dirty):
                    style.paint(painter, line.words, area, rtl=line.rtl)

    def line_area(self, line: Line, *, source: bool = False) -> QRectF:
        """Where a line of the frame is painted, in the window's pixels."""
        return self._source_area(line.row) if source else self._target_area(line.row)

    def _reach(self, area: QRectF) -> QRectF:
        """A line's area with what may stick out of it: outlines, accents, hanging punctuation."""
        return area.adjusted(-self._pad_x, -self._pad_y, self._pad_x, self._pad_y)

    def _paint_hint(self, painter: QPainter) -> None:
        painter.setFont(self._source.font)
        painter.setPen(SOURCE_COLOURS[1])
        area = QRectF(self.rect())
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.tr("Waiting for speech …"))

    def _box(self) -> QPainterPath:
        box = QPainterPath()
        box.addRoundedRect(QRectF(self.rect()), BOX_RADIUS, BOX_RADIUS)
        return box

    def _box_colour(self) -> QColor:
        colour = QColor(BOX)
        if self._blended:
            share = 1.0
            if not self.frame and not self._fresh:
                share = 0.0 if self.locked else EMPTY_SHARE
            colour.setAlphaF(self._settings.opacity * share)
        return colour

    # Layout of the box

    def _lay_out_styles(self) -> None:
        def style(share: float, weight: QFont.Weight, colours: tuple[QColor, QColor]) -> TextStyle:
            font = subtitle_font(self._settings.font_family, self.font_pt * share, weight)
            return TextStyle(font, *colours)

        self._target = style(1, QFont.Weight.DemiBold, TARGET_COLOURS)
        self._source = style(SOURCE_SHARE, QFont.Weight.Medium, SOURCE_COLOURS)
        self._pad_x = round(self._target.line_height * 0.6)
        self._pad_y = round(self._target.line_height * 0.22)

    def _shapes(self) -> tuple[Shape, Shape]:
        width = float(self.width() - 2 * self._pad_x)
        source_rows = self._settings.source_rows if self.show_source else 0
        return (
            Shape(self._settings.rows, width, self._target.measure),
            Shape(source_rows, width, self._source.measure),
        )

    def _source_area(self, row: int) -> QRectF:
        height = self._source.line_height
        width = self.width() - 2 * self._pad_x
        return QRectF(self._pad_x, self._pad_y + row * height, width, height)

    def _target_area(self, row: int) -> QRectF:
        height = self._target.line_height
        above = self._settings.source_rows * self._source.line_height if self.show_source else 0
        width = self.width() - 2 * self._pad_x
        return QRectF(self._pad_x, self._pad_y + above + row * height, width, height)

    def _height(self) -> int:
        return math.ceil(self._target_area(self._settings.rows).top() + self._pad_y)

    def _reshape(self) -> None:
        self._state.reshape(*self._shapes())
        self._refresh()
        self.update()

    # Place

    def place(self) -> None:
        """Go where the user left the band in this display layout, or to the bottom centre."""
        place = self._memory.recall(_display_layout())
        if place is not None and place.configured_pt == self._settings.font_pt:
            self._set_font_pt(place.font_pt)
        screen = _screen_at(place)
        free = screen.availableGeometry()
        if place is None:
            width = free.width() * self._settings.width_percent // 100
            left = free.center().x() - width // 2
            bottom = free.bottom() - free.height() // 25
        else:
            left, bottom, width = place.x, place.bottom, place.width
        width = max(NARROWEST_PX, min(width, free.width()))
        left = max(free.left(), min(left, free.right() + 1 - width))
        self._go(left, min(bottom, free.bottom()), width)

    def _go(self, left: int, bottom: int, width: int) -> None:
        height = self._height()
        self.setMinimumSize(NARROWEST_PX, height)
        self.setMaximumHeight(height)
        self._placed = QRect(left, bottom + 1 - height, width, height)
        self.setGeometry(self._placed)

    def _remember(self) -> None:
        self._moved.stop()
        box = self.geometry()
        place = Place(
            x=box.left(),
            bottom=box.bottom(),
            width=box.width(),
            font_pt=self.font_pt,
            configured_pt=self._settings.font_pt,
        )
        self._memory.remember(_display_layout(), place)

    def moveEvent(self, event: QMoveEvent | None) -> None:  # noqa: D102 (Qt's)
        if self.geometry() != self._placed:
            self._moved.start()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: D102 (Qt's)
        if self.geometry() != self._placed:
            self._moved.start()
        if not self._blended:  # corners would be black squares
            self.setMask(QRegion(self._box().toFillPolygon().toPolygon()))
        self._reshape()

    # Control

    @property
    def locked(self) -> bool:
        """Whether the mouse goes through to the windows below."""
        return bool(self.windowFlags() & Qt.WindowType.WindowTransparentForInput)

    def set_locked(self, locked: bool) -> None:
        """Let the mouse through, or not, without the window leaving the screen."""
        flags = _window_flags(locked)
        self.overrideWindowFlags(flags)
        window = self.windowHandle()
        if window is not None:
            window.setFlags(flags)
        self.lock_action.setChecked(locked)
        self.update()

    def set_source_shown(self, shown: bool) -> None:
        """Show or hide the source line; the lower edge of the box stays where it is."""
        self.show_source = shown
        self.source_action.setChecked(shown)
        self._go(self.x(), self.geometry().bottom(), self.width())
        self._reshape()

    def zoom(self, steps: int) -> None:
        """Larger (positive) or smaller text; the lower edge of the box stays where it is."""
        size_pt = round(self.font_pt * FONT_STEP**steps)
        self._set_font_pt(max(FONT_RANGE_PT[0], min(size_pt, FONT_RANGE_PT[1])))
        self._go(self.x(), self.geometry().bottom(), self.width())
        self._reshape()
        self._moved.start()

    def _set_font_pt(self, size_pt: int) -> None:
        if size_pt != self.font_pt:
            self.font_pt = size_pt
            self._lay_out_styles()

    def _make_actions(self) -> None:
        def action(text: str, *shortcuts: str) -> QAction:
            made = QAction(text, self)
            made.setShortcuts(list(shortcuts))
            self.addAction(made)
            return made

        self.lock_action = action(self.tr("Lock (mouse goes through)"), "Ctrl+L")
        self.lock_action.setCheckable(True)
        self.lock_action.setChecked(self._settings.locked)
        self.lock_action.toggled.connect(self.set_locked)
        self.source_action = action(self.tr("Show source text"), "Ctrl+S")
        self.source_action.setCheckable(True)
        self.source_action.setChecked(self.show_source)
        self.source_action.toggled.connect(self.set_source_shown)
        larger = action(self.tr("Larger text"), "Ctrl++", "Ctrl+=")
        larger.triggered.connect(lambda: self.zoom(1))
        smaller = action(self.tr("Smaller text"), "Ctrl+-")
        smaller.triggered.connect(lambda: self.zoom(-1))
        quit_ = action(self.tr("Quit"), "Esc", "Ctrl+Q")
        quit_.triggered.connect(self.close)

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:  # noqa: D102 (Qt's)
        assert event is not None
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions(self.actions())
        menu.popup(event.globalPos())

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: D102 (Qt's)
        assert event is not None
        if self._moved.isActive():
            self._remember()
        event.accept()
        self.closed.emit()


def _window_flags(locked: bool) -> Qt.WindowType:
    flags = (
        Qt.WindowType.Tool
        | Qt.WindowType.FramelessWindowHint
        | Qt.WindowType.WindowStaysOnTopHint
        | Qt.WindowType.NoDropShadowWindowHint
    )
    return flags | Qt.WindowType.WindowTransparentForInput if locked else flags


def _display_layout() -> str:
    """Names this arrangement of screens."""
    layout = []
    for screen in QGuiApplication.screens():
        box = screen.geometry()
        layout.append(f"{screen.name()}:{box.width()}x{box.height()}+{box.x()}+{box.y()}")
    return " ".join(sorted(layout))


def _screen_at(place: Place | None) -> QScreen:
    """The screen of a remembered place, or the primary one."""
    screen = None
    if place is not None:
        screen = QGuiApplication.screenAt(QPoint(place.x + place.width // 2, place.bottom - 8))
    screen = screen or QGuiApplication.primaryScreen()
    assert screen is not None, "a QGuiApplication has a screen"
    return screen
