"""The band: a window of subtitles above everything else."""

import dataclasses
import time
from collections.abc import Callable, Iterable

from PyQt6.QtCore import QRect, QRectF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import (
    QCloseEvent,
    QColor,
    QContextMenuEvent,
    QGuiApplication,
    QMoveEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QRegion,
    QResizeEvent,
)
from PyQt6.QtWidgets import QMenu, QStyle, QWidget

from engine.captions import Caption
from ui.grip import Grip
from ui.lock import is_locked, lock, window_flags
from ui.look import Look, make_look
from ui.place import PlaceMemory
from ui.readout import Readout, notice_text, status_text
from ui.scene import Scene
from ui.seat import NARROWEST_PX, Seat
from ui.settings import RANGES, OverlaySettings
from ui.state import Frame, Line
from ui.status import Figures, Notice, Report
from ui.throttle import Throttle
from ui.unpainted import Unpainted

BOX_RADIUS = 14.0
FONT_STEP = 1.125
EMPTY_SHARE = 0.4
"""How much of its opacity the box keeps while it is empty and can be moved."""


class Overlay(QWidget):
    """Paints the captions it is given; moved, resized and set by the user.

    The box has a fixed size: only the user changes it, never the text. Widgets belong to the GUI
    thread, and so do all methods.
    """

    closed = pyqtSignal()
    changed = pyqtSignal(OverlaySettings)
    """The settings are others now."""

    def __init__(
        self,
        settings: OverlaySettings,
        *,
        blended: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`blended`: translucency works, as a compositor is there; otherwise the box is opaque."""
        super().__init__(None, window_flags(settings.locked))
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setWindowTitle("Dragoman")
        self.setAccessibleName(self.tr("Subtitles"))
        self.settings = settings
        self.figures = Figures()
        self.menu = QMenu(self)
        """Opened by a right click; whoever composes the program fills it."""
        self._blended = blended
        self._clock = clock
        self._less_motion = False
        self._fresh = True  # no caption has come yet
        self._readout = Readout()
        self._unpainted = Unpainted()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._throttle = Throttle(self._refresh, self, clock=clock)
        self._timer.timeout.connect(self._throttle.request)
        look = make_look(settings, NARROWEST_PX)
        self._scene = Scene(settings, look, moves=self._wants_motion())
        self._seat = Seat(self, PlaceMemory(settings.place_file))
        self._grip = Grip(self, self._seat.box)
        self.place()
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        for signal in (app.screenAdded, app.screenRemoved, app.primaryScreenChanged):
            signal.connect(self.place)

    # Captions

    def show_captions(self, captions: Iterable[Caption], published_s: float | None = None) -> None:
        """Take new captions; what looks different is painted.

        Args:
            captions: newest revisions.
            published_s: when, in the time of the clock, they left the engine; now if left out.
        """
        now_s = self._clock()
        taken = [caption for caption in captions if self._scene.apply(caption, now_s)]
        if self.isVisible():  # what is hidden has no time at which it was painted
            self._unpainted.take(taken, now_s if published_s is None else published_s)
        self._fresh = False
        self._throttle.request()

    def show_notice(self, notice: Notice) -> None:
        """Say what the job says of itself."""
        if self._readout.take(notice):
            self.update()

    def show_report(self, report: Report) -> None:
        """Take figures that the engine gives besides its captions."""
        before = status_text(self.figures)
        self.figures.report = report
        if self.settings.status and status_text(self.figures) != before:
            self.update()

    @property
    def notice(self) -> Notice:
        """The newest notice of the job."""
        return self._readout.notice

    def show_sample(self, captions: Iterable[Caption]) -> None:
        """Show these captions while there are no others, so that settings can be judged; none
        ends it.
        """
        self._scene.show_sample(captions, self._clock())
        self._refresh()

    @property
    def frame(self) -> Frame:
        """What is to be read in the band now."""
        return self._scene.frame

    @property
    def linger_s(self) -> float:
        """How long the text in sight should still stay if no caption follows, in seconds."""
        if not self.frame:
            return 0.0
        expires_s = self._scene.expires_s
        return self.settings.dwell_s if expires_s is None else expires_s - self._clock()

    def _refresh(self) -> None:
        """Bring the band up to now; ask for a repaint of the parts that look different."""
        now_s = self._clock()
        was_empty = not self.frame
        self._unpainted.frame()
        areas = self._scene.refresh(now_s)
        for area in areas:
            self.update(area)
        if was_empty == bool(self.frame) or (self._unpainted and self.settings.status):
            self.update()
        elif not areas:
            self._count_painted()  # what is on the screen already is painted
        wait_ms = self._scene.wait_ms(now_s)
        if wait_ms is None:
            self._timer.stop()
        else:
            self._timer.start(wait_ms)

    def _count_painted(self) -> None:
        tentative = not self.settings.reading_mode
        self._unpainted.count_painted(self.figures, self._clock(), tentative=tentative)

    # Painting

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: D102 (Qt's)
        assert event is not None
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(event.rect())
        painter.fillPath(self._box(), self._box_colour())
        hinting = self._fresh and not self._scene.has_sample
        if hinting:
            self._paint_hint(painter)
        self._scene.paint(painter, event.rect().toRectF(), self._clock())
        self._count_painted()
        if not hinting:
            box = self.rect().toRectF()
            self._readout.paint(painter, self._scene.look, box, self.settings, self.figures)

    def line_area(self, line: Line, *, source: bool = False) -> QRectF:
        """Where a line of the frame is painted, in the window's pixels."""
        look = self._scene.look
        return (look.source if source else look.target).area(line.row)

    def _paint_hint(self, painter: QPainter) -> None:
        painter.setFont(self._scene.look.source.style.font)
        painter.setPen(QColor(self.settings.tentative_colour))
        text = notice_text(self.notice) or self.tr("Waiting for speech …")
        painter.drawText(self.rect().toRectF(), Qt.AlignmentFlag.AlignCenter, text)

    def _box(self) -> QPainterPath:
        box = QPainterPath()
        box.addRoundedRect(self.rect().toRectF(), BOX_RADIUS, BOX_RADIUS)
        return box

    def _box_colour(self) -> QColor:
        colour = QColor(self.settings.box_colour)
        if self._blended:
            share = 1.0
            if not self.frame and not self._fresh and not self._readout.urgent:
                share = 0.0 if self.locked else EMPTY_SHARE
            colour.setAlphaF(self.settings.opacity * share)
        return colour

    # Layout of the box and place

    def place(self) -> None:
        """Go where the user left the band in this display layout, or to the bottom centre."""
        self._place(anew=False)

    def _place(self, *, anew: bool) -> None:
        look = make_look(self.settings, self.width())
        width = self.settings.width_percent
        self._seat.take(width_percent=width, height=look.height, anew=anew)
        self._reshape(look)

    def _reshape(self, look: Look) -> None:
        """Lay everything anew, for the width that the window has now."""
        look = look.for_width(self.settings, self.width())
        self._scene.change(self.settings, look, moves=self._wants_motion())
        self._refresh()
        self.update()

    @property
    def box(self) -> QRect:
        """Where the band is on the screen."""
        return self._seat.box()

    def _wants_motion(self) -> bool:
        if self.settings.motion != "system":
            return self.settings.motion == "on"
        if self._less_motion:
            return False
        style = self.style()
        assert style is not None
        # Desktops that are told to reduce motion set this to 0.
        return style.styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration, None, self) > 0

    def moveEvent(self, event: QMoveEvent | None) -> None:  # noqa: D102 (Qt's)
        self._seat.note_move()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: D102 (Qt's)
        self._seat.note_move()
        if not self._blended:  # corners would be black squares
            self.setMask(QRegion(self._box().toFillPolygon().toPolygon()))
        self._reshape(self._scene.look)

    # Control

    @property
    def locked(self) -> bool:
        """Whether the mouse goes through to the windows below."""
        return is_locked(self)

    def change(self, settings: OverlaySettings) -> None:
        """Look and behave according to other settings, from now on; text in sight stays."""
        if settings == self.settings:
            return
        old, self.settings = self.settings, settings
        if settings.locked != self.locked:
            lock(self, settings.locked, self.box)
        if settings.width_percent != old.width_percent:
            self._place(anew=True)
            self._seat.remember()
        else:
            look = make_look(settings, self.width())
            self._seat.grow(look.height)
            self._reshape(look)
        self.changed.emit(settings)

    def reduce_motion(self, wanted: bool) -> None:
        """Whether the desktop asks for it; followed where the settings leave it to the desktop."""
        self._less_motion = wanted
        self._scene.change(self.settings, self._scene.look, moves=self._wants_motion())
        self._refresh()

    def zoom(self, steps: int) -> None:
        """Larger (positive) or smaller text; the lower edge of the box stays where it is."""
        low, high = RANGES["font_pt"]
        size_pt = round(self.settings.font_pt * FONT_STEP**steps)
        size_pt = int(max(low, min(size_pt, high)))
        self.change(dataclasses.replace(self.settings, font_pt=size_pt))

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:  # noqa: D102 (Qt's)
        assert event is not None
        self.menu.popup(event.globalPos())

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: D102 (Qt's)
        assert event is not None
        self._seat.flush()
        event.accept()
        self.closed.emit()
