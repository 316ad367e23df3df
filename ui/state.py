"""What the band shows: captions and time in, lines to paint out. No Qt, no clock."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.captions import Caption, Text
from ui.layout import Measure, Paragraph, Word, in_visual_order, one_spaced, right_to_left

SEGMENTS_KEPT = 24
"""More than the lines that can be in sight or wait; older segments have rolled away."""
BACKLOG_BANDS = 2
"""Lines that wait to roll into sight at most, in bands full of lines; older ones are skipped."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What line breaking depends on."""

    rows: int
    """Lines of the band at most; 0 shows none."""
    width: float
    """Of a line, in the unit of `measure`."""
    measure: Measure
    tentative: bool = True
    """Whether words that may still change are shown."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast lines may roll away."""

    step_s: float = 0.0
    """Between one roll and the next, at least."""
    line_s: float = 0.0
    """A line stays at least so long, unless a band full of lines waits."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one segment, and the row of the band where it stands."""

    row: int
    segment: int
    index: int
    """Counts the lines of the segment."""
    rtl: bool
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The words, for people and tests; spaces between ideographs are the reader's."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Frame:
    """All that is painted; equal frames look equal."""

    target: tuple[Line, ...] = ()
    source: tuple[Line, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to read."""
        return bool(self.target or self.source)


class SubtitleState:
    """Keeps the last segments and rolls their lines up through a band of fixed height.

    A caption that is older than what is shown (a lower revision, a segment that is final or
    gone) is ignored; missing captions do no harm, as every caption is a whole revision. Lines
    fill the band from the top and then roll up, one by one at the pace given; a line that is in
    sight never moves down. When the newest segment is final and no caption came for `dwell_s`,
    the band empties.
    """

    def __init__(
        self, target: Shape, source: Shape, *, dwell_s: float, pace: Pace | None = None
    ) -> None:
        self.dwell_s = dwell_s
        self.pace = pace or Pace()
        self._session: str | None = None
        self._segments: dict[int, _Segment] = {}  # in the order of their numbers
        self._gone = -1  # the highest segment that has left for good
        self._changed_s = 0.0
        self._target, self._source = target, source
        self._target_roll, self._source_roll = _Roll(target.rows), _Roll(source.rows)
        self._rolls_s: float | None = None

    def apply(self, caption: Caption, now_s: float) -> bool:
        """Take one caption; false if it is stale."""
        if caption.session != self._session:
            self._session, self._gone = caption.session, -1
            self._segments.clear()
        if caption.segment <= self._gone:
            return False
        segment = self._segments.get(caption.segment)
        if segment is None:
            segment = _Segment(caption, self._target, self._source)
            self._segments = dict(sorted((self._segments | {caption.segment: segment}).items()))
            self._forget(len(self._segments) - SEGMENTS_KEPT)
        elif segment.caption.final or caption.revision <= segment.caption.revision:
            return False
        segment.caption = caption
        self._changed_s = now_s
        return True

    def frame(self, now_s: float) -> Frame:
        """What to paint now; call it again when `changes_s` has come."""
        expires_s = self.expires_s
        if expires_s is not None and now_s >= expires_s:
            self._forget(len(self._segments))
        segments = self._segments.values()
        target = [line for each in segments for line in each.target()]
        source = [line for each in segments for line in each.source()]
        frame = Frame(
            target=self._target_roll.show(target, now_s, self.pace),
            source=self._source_roll.show(source, now_s, self.pace),
        )
        waits = (self._target_roll.rolls_s, self._source_roll.rolls_s)
        self._rolls_s = min((at_s for at_s in waits if at_s is not None), default=None)
        return frame

    @property
    def changes_s(self) -> float | None:
        """When the frame changes by itself: a line rolls, or the band empties."""
        times = [at_s for at_s in (self._rolls_s, self.expires_s) if at_s is not None]
        return min(times, default=None)

    @property
    def expires_s(self) -> float | None:
        """When the band empties if nothing comes; None while a segment runs, or without text."""
        if not self._segments or not next(reversed(self._segments.values())).caption.final:
            return None
        return self._changed_s + self.dwell_s

    def reshape(self, target: Shape, source: Shape) -> None:
        """Lay everything anew for another width, font or number of rows."""
        self._target, self._source = target, source
        self._target_roll, self._source_roll = _Roll(target.rows), _Roll(source.rows)
        for segment in self._segments.values():
            segment.reshape(target, source)

    def _forget(self, n_segments: int) -> None:
        for number in list(self._segments)[: max(0, n_segments)]:
            del self._segments[number]
            self._gone = number


class _Segment:
    """The newest revision of a segment and the lines that were laid for it."""

    def __init__(self, caption: Caption, target: Shape, source: Shape) -> None:
        self.caption = caption
        self.reshape(target, source)

    def reshape(self, target: Shape, source: Shape) -> None:
        self._target, self._source = _Side(target), _Side(source)

    def target(self) -> Iterator[Line]:
        return self._target.lines(self.caption.segment, self.caption.target)

    def source(self) -> Iterator[Line]:
        return self._source.lines(self.caption.segment, self.caption.source)


@dataclass(slots=True)
class _Side:
    """The source or the target of one segment; its last lines, laid once per text."""

    shape: Shape
    _paragraph: Paragraph | None = None
    _text: Text | None = None
    _lines: list[Line] = field(default_factory=list)

    def lines(self, segment: int, text: Text) -> Iterator[Line]:
        """The lines that can be in sight, now or when they have rolled up."""
        if text is not self._text and self.shape.rows:
            self._lay(segment, text)
            self._text = text
        return iter(self._lines)

    def _lay(self, segment: int, text: Text) -> None:
        committed = one_spaced(text.committed)
        tentative = one_spaced(text.tentative) if self.shape.tentative else ""
        if self._paragraph is None or not self._paragraph.commit(committed):
            # Also after a producer that broke the rule that committed text only grows.
            self._paragraph = Paragraph(self.shape.width, self.shape.measure)
            self._paragraph.commit(committed)
        rtl = right_to_left(text.lang, committed or tentative)
        lines = self._paragraph.lines(tentative)
        first = max(0, len(lines) - (1 + BACKLOG_BANDS) * self.shape.rows)
        self._lines = [
            Line(0, segment, index, rtl, in_visual_order(words, line_is_rtl=rtl))
            for index, words in enumerate(lines[first:], start=first)
        ]


@dataclass(slots=True)
class _Roll:
    """Gives lines their rows: from the top, and rolled up as far as the newest line needs."""

    rows: int
    rolls_s: float | None = None
    """When the next line may roll, if one waits."""
    _row_of: dict[tuple[int, int], int] = field(default_factory=dict)
    _seen_s: dict[tuple[int, int], float] = field(default_factory=dict)
    """When each line in sight came into sight."""
    _rolled_s: float = float("-inf")

    def show(self, lines: list[Line], now_s: float, pace: Pace) -> tuple[Line, ...]:
        """The lines in sight now."""
        top = self._roll(lines, now_s, pace)
        shown = tuple(
            Line(row, line.segment, line.index, line.rtl, line.words)
            for row, line in enumerate(lines[top : top + self.rows])
        )
        self._row_of = {(line.segment, line.index): line.row for line in shown}
        self._seen_s = {key: self._seen_s.get(key, now_s) for key in self._row_of}
        return shown

    def _roll(self, lines: list[Line], now_s: float, pace: Pace) -> int:
        """Which line stands in the top row."""
        # When a tentative line is taken back, the lines above it stay where they are and the
        # lowest row stays empty, rather than everything jumping down and up again.
        tops = [
            at - self._row_of[line.segment, line.index]
            for at, line in enumerate(lines)
            if (line.segment, line.index) in self._row_of
        ]
        wanted = max(0, len(lines) - self.rows)
        top = max(tops, default=wanted)
        top = max(0, top, wanted - BACKLOG_BANDS * self.rows)
        self.rolls_s = None
        while top < wanted:
            leaves = lines[top].segment, lines[top].index
            at_s = self._rolled_s + pace.step_s
            if wanted - top < self.rows:  # a full band does not wait: every line has its time
                at_s = max(at_s, self._seen_s.get(leaves, now_s) + pace.line_s)
            if now_s < at_s:
                self.rolls_s = at_s
                break
            self._rolled_s = now_s
            top += 1
        return top
