"""What is seen in the band at a time: captions, settings and time in, areas to repaint out."""

import math
from collections.abc import Iterable, Iterator

from PyQt6.QtCore import QRect, QRectF, Qt
from PyQt6.QtGui import QPainter

from engine.captions import Caption
from ui.look import Look, Side
from ui.motion import Motion
from ui.settings import OverlaySettings
from ui.state import Frame, Line, Pace, SubtitleState

ROLL_S = 0.3
"""Between one line rolling up and the next, at least: the eye must be able to follow."""
READING_LINE_S = 2.0
"""How long a line stays at least in reading mode."""
MOTION_MS = 40


class Scene:
    """The text of the band and its motion. It knows no widget and no clock."""

    def __init__(self, settings: OverlaySettings, look: Look, *, moves: bool) -> None:
        """`moves`: words fade and lines slide."""
        self.look = look
        self.frame = Frame()
        self._settings = settings
        self._state = self._make_state()
        self._sample: SubtitleState | None = None
        self._changes_s: float | None = None
        self._make_motions(moves)

    @property
    def has_sample(self) -> bool:
        """Whether a sample is shown while there are no captions."""
        return self._sample is not None

    @property
    def expires_s(self) -> float | None:
        """When the text in sight goes if no caption follows."""
        return self._state.expires_s

    def apply(self, caption: Caption, now_s: float) -> bool:
        """Take one caption; false if it is stale."""
        return self._state.apply(caption, now_s)

    def show_sample(self, captions: Iterable[Caption], now_s: float) -> None:
        """Show these captions while there are no others; none ends it."""
        shown = list(captions)
        self._sample = self._make_state() if shown else None
        for caption in shown:
            assert self._sample is not None
            self._sample.apply(caption, now_s)

    def change(self, settings: OverlaySettings, look: Look, *, moves: bool) -> None:
        """Look and behave differently from now on; the text stays."""
        self._settings, self.look = settings, look
        fresh = self._make_state()
        self._state.dwell_s, self._state.pace = fresh.dwell_s, fresh.pace
        for state in (self._state, self._sample):
            if state is not None:
                state.reshape(look.target.shape, look.source.shape)
        self._make_motions(moves)
        self.frame = Frame()

    def refresh(self, now_s: float) -> list[QRect]:
        """Bring the frame up to now; the areas that look different."""
        old, self.frame = self.frame, self._state.frame(now_s)
        self._changes_s = self._state.changes_s
        if self._sample is not None and not self.frame:
            self.frame = self._sample.frame(now_s)
        areas = []
        for motion, side, lines, before in self._sides(old):
            if lines != before:
                motion.show(lines, now_s)
            if motion.tick(now_s):
                areas.append(self._reach(side.whole))
            elif lines != before:
                areas += [self._reach(side.area(line.row)) for line in set(lines) ^ set(before)]
        return areas

    def wait_ms(self, now_s: float) -> int | None:
        """How long until `refresh` should be called although nothing came; None for ever."""
        if any(motion.moving(now_s) for motion in self._motions):
            return MOTION_MS
        if self._changes_s is None:
            return None
        return max(0, math.ceil((self._changes_s - now_s) * 1000))

    def paint(self, painter: QPainter, dirty: QRectF, now_s: float) -> None:
        """Paint the words that reach into an area."""
        for motion, side, _, _ in self._sides(self.frame):
            painter.save()
            painter.setClipRect(self.look.window_of(side), Qt.ClipOperation.IntersectClip)
            sprites = [
                one
                for one in motion.sprites(now_s)
                if self.look.reach(side.area(one.row)).intersects(dirty)
            ]
            side.style.paint(painter, sprites, side.area)
            painter.restore()

    def _reach(self, area: QRectF) -> QRect:
        return self.look.reach(area).toAlignedRect()

    def _sides(
        self, old: Frame
    ) -> Iterator[tuple[Motion, Side, tuple[Line, ...], tuple[Line, ...]]]:
        target, source = self._motions
        yield source, self.look.source, self.frame.source, old.source
        yield target, self.look.target, self.frame.target, old.target

    def _make_motions(self, moves: bool) -> None:
        self._motions = Motion(enabled=moves), Motion(enabled=moves)

    def _make_state(self) -> SubtitleState:
        line_s = self._settings.line_s
        if self._settings.reading_mode:
            line_s = max(line_s, READING_LINE_S)
        return SubtitleState(
            self.look.target.shape,
            self.look.source.shape,
            dwell_s=self._settings.dwell_s,
            pace=Pace(ROLL_S if line_s else 0.0, line_s),
        )
