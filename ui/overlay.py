"""The band: a window of subtitles above everything else."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterable

from PyQt6.QtCore import QRectF, Qt, QTimer, pyqtSignal
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
from ui.look import Side, make_look
from ui.motion import Motion
from ui.place import PlaceMemory
from ui.readout import Readout
from ui.seat import NARROWEST_PX, Seat
from ui.settings import RANGES, OverlaySettings
from ui.state import Frame, Line, Pace, SubtitleState
from ui.status import Figures, Notice
from ui.throttle import Throttle

BOX_RADIUS = 14.0
FONT_STEP = 1.125
EMPTY_SHARE = 0.4
"""How much of its opacity the box keeps while it is empty and can be moved."""
ROLL_S = 0.3
"""Between one line rolling up and the next, at least: the eye must be able to follow."""
READING_LINE_S = 2.0
MOTION_MS = 40


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
        super().__init__(None, _window_flags(settings.locked))
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setWindowTitle("Dragoman")
        self.setAccessibleName(self.tr("Subtitles"))
        self.frame = Frame()
        self.settings = settings
        self.font_pt = settings.font_pt
        self.figures = Figures()
        self.menu = QMenu(self)
        """Opened by a right click; whoever composes the program fills it."""
        self._blended = blended
        self._clock = clock
        self._fresh = True  # no caption has come yet
        self._sample: SubtitleState | None = None
        self._readout = Readout()
        self._unpainted: list[Caption] = []
        self._published_s = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._throttle = Throttle(self._refresh, self, clock=clock)
        self._timer.timeout.connect(self._throttle.request)
        self._motions = Motion(), Motion()  # of the translation and of the source
        self._grip = Grip(self)
        self._look = make_look(settings, self.font_pt, NARROWEST_PX)
        self._state = self._make_state()
        self._seat = Seat(self, PlaceMemory(settings.place_file))
        self._set_motion()
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
        taken = [caption for caption in captions if self._state.apply(caption, now_s)]
        if not self._unpainted:
            self._published_s = now_s if published_s is None else published_s
        self._unpainted += taken
        self._fresh = False
        self._throttle.request()

    def show_notice(self, notice: Notice) -> None:
        """Say what the job says of itself."""
        if self._readout.take(notice):
            self.update()

    @property
    def notice(self) -> Notice:
        """The newest notice of the job."""
        return self._readout.notice

    def show_sample(self, captions: Iterable[Caption]) -> None:
        """Show these captions while there are no others, so that settings can be judged; none
        ends it.
        """
        shown = list(captions)
        self._sample = self._make_state() if shown else None
        for caption in shown:
            assert self._sample is not None
            self._sample.apply(caption, self._clock())
        self._refresh()

    @property
    def linger_s(self) -> float:
        """How long the text in sight should still stay if no caption follows, in seconds."""
        if not self.frame:
            return 0.0
        expires_s = self._state.expires_s
        return self.settings.dwell_s if expires_s is None else expires_s - self._clock()

    def _make_state(self) -> SubtitleState:
        line_s = self.settings.line_s
        if self.settings.reading_mode:
            line_s = max(line_s, READING_LINE_S)
        return SubtitleState(
            self._look.target.shape,
            self._look.source.shape,
            dwell_s=self.settings.dwell_s,
            pace=Pace(ROLL_S if line_s else 0.0, line_s),
        )

    def _refresh(self) -> None:
        """Bring the frame up to now; ask for a repaint of the part that looks different."""
        now_s = self._clock()
        old, self.frame = self.frame, self._state.frame(now_s)
        changes_s = self._state.changes_s
        if self._sample is not None and not self.frame:
            self.frame = self._sample.frame(now_s)
        moved = False
        for motion, side, lines, before in self._sides(old):
            if lines != before:
                motion.show(lines, now_s)
            moves = motion.tick(now_s)
            if lines != before or moves:
                self._update_rows(side, lines, before, whole=moves)
                moved = True
        if bool(old) != bool(self.frame) or (self._unpainted and self.settings.status):
            self.update()
        elif not moved:
            self._count_painted()  # what is on the screen already is painted
        self._wait(now_s, changes_s)

    def _sides(
        self, old: Frame
    ) -> Iterable[tuple[Motion, Side, tuple[Line, ...], tuple[Line, ...]]]:
        target, source = self._motions
        yield target, self._look.target, self.frame.target, old.target
        yield source, self._look.source, self.frame.source, old.source

    def _update_rows(
        self, side: Side, lines: tuple[Line, ...], before: tuple[Line, ...], *, whole: bool
    ) -> None:
        if whole:
            area = side.area()
            area.setHeight(side.height)
            self.update(self._look.reach(area).toAlignedRect())
            return
        for line in set(lines) ^ set(before):
            self.update(self._look.reach(side.area(line.row)).toAlignedRect())

    def _wait(self, now_s: float, changes_s: float | None) -> None:
        """Come back when something changes by itself."""
        if any(motion.moving(now_s) for motion in self._motions):
            self._timer.start(MOTION_MS)
        elif changes_s is not None:
            self._timer.start(max(0, math.ceil((changes_s - now_s) * 1000)))
        else:
            self._timer.stop()

    def _count_painted(self) -> None:
        lag_s = max(0.0, self._clock() - self._published_s)
        for caption in self._unpainted:
            self.figures.painted(caption, lag_s)
        self._unpainted.clear()

    # Painting

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: D102 (Qt's)
        assert event is not None
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(event.rect())
        painter.fillPath(self._box(), self._box_colour())
        if self._fresh and self._sample is None:
            self._paint_hint(painter)
        now_s = self._clock()
        for motion, side, _, _ in self._sides(self.frame):
            self._paint_side(painter, motion, side, event.rect().toRectF(), now_s)
        self._count_painted()
        self._readout.paint(painter, self._look, self.rect().toRectF(), self.settings, self.figures)

    def _paint_side(
        self, painter: QPainter, motion: Motion, side: Side, dirty: QRectF, now_s: float
    ) -> None:
        whole = side.area()
        whole.setHeight(side.height)
        painter.save()
        painter.setClipRect(self._look.reach(whole), Qt.ClipOperation.IntersectClip)
        sprites = [
            one
            for one in motion.sprites(now_s)
            if self._look.reach(side.area(one.row)).intersects(dirty)
        ]
        side.style.paint(painter, sprites, side.area)
        painter.restore()

    def line_area(self, line: Line, *, source: bool = False) -> QRectF:
        """Where a line of the frame is painted, in the window's pixels."""
        return (self._look.source if source else self._look.target).area(line.row)

    def _paint_hint(self, painter: QPainter) -> None:
        painter.setFont(self._look.source.style.font)
        painter.setPen(QColor(self.settings.tentative_colour))
        painter.drawText(
            self.rect().toRectF(), Qt.AlignmentFlag.AlignCenter, self.tr("Waiting for speech …")
        )

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
        place = self._seat.recall()
        if place is not None and place.configured_pt == self.settings.font_pt:
            self.font_pt = place.font_pt
        self._look = make_look(self.settings, self.font_pt, self.width())
        self._seat.font_pt, self._seat.configured_pt = self.font_pt, self.settings.font_pt
        width = self.settings.width_percent
        self._seat.take(place, width_percent=width, height=self._look.height)
        self._reshape()

    def _reshape(self) -> None:
        self._look = self._look.for_width(self.settings, self.width())
        shapes = self._look.target.shape, self._look.source.shape
        for state in (self._state, self._sample):
            if state is not None:
                state.reshape(*shapes)
        self._motions = Motion(), Motion()
        self._set_motion()
        self.frame = Frame()
        self._refresh()
        self.update()

    def _set_motion(self) -> None:
        for motion in self._motions:
            motion.enabled = self._wants_motion()

    def _wants_motion(self) -> bool:
        if self.settings.motion != "system":
            return self.settings.motion == "on"
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
        self._reshape()

    # Control

    @property
    def locked(self) -> bool:
        """Whether the mouse goes through to the windows below."""
        return bool(self.windowFlags() & Qt.WindowType.WindowTransparentForInput)

    def change(self, settings: OverlaySettings) -> None:
        """Look and behave according to other settings, from now on; text in sight stays."""
        if settings == self.settings:
            return
        old, self.settings = self.settings, settings
        if settings.font_pt != old.font_pt:
            self.font_pt = settings.font_pt
        if settings.locked != self.locked:
            self._lock(settings.locked)
        state = self._make_state()
        self._state.dwell_s, self._state.pace = state.dwell_s, state.pace
        self._look = make_look(settings, self.font_pt, self.width())
        self._seat.font_pt, self._seat.configured_pt = self.font_pt, settings.font_pt
        if settings.width_percent != old.width_percent:
            self._seat.take(None, width_percent=settings.width_percent, height=self._look.height)
        else:
            self._seat.grow(self._look.height)
        self._seat.note_change()
        self._reshape()
        self.changed.emit(settings)

    def set_locked(self, locked: bool) -> None:
        """Let the mouse through, or not, without the window leaving the screen."""
        self.change(dataclasses.replace(self.settings, locked=locked))

    def _lock(self, locked: bool) -> None:
        flags = _window_flags(locked)
        self.overrideWindowFlags(flags)
        window = self.windowHandle()
        if window is not None:
            window.setFlags(flags)

    def zoom(self, steps: int) -> None:
        """Larger (positive) or smaller text; the lower edge of the box stays where it is."""
        low, high = RANGES["font_pt"]
        size_pt = round(self.font_pt * FONT_STEP**steps)
        self.font_pt = self._seat.font_pt = int(max(low, min(size_pt, high)))
        self._look = make_look(self.settings, self.font_pt, self.width())
        self._seat.grow(self._look.height)
        self._reshape()
        self._seat.note_change()

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:  # noqa: D102 (Qt's)
        assert event is not None
        self.menu.popup(event.globalPos())

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: D102 (Qt's)
        assert event is not None
        self._seat.flush()
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
