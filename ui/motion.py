"""Fading words and sliding lines. No Qt: frames and time in, what to paint out.

A word that is new, or that replaces another, fades in; one that is taken back fades out where
nothing takes its place, since two words on top of each other cannot be read. So the eye is not
drawn by a flash. A line that rolls up slides. Committed words are never faded or moved once they
are there, except that whole lines roll.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ui.layout import Word
from ui.state import Line

FADE_S = 0.16
SLIDE_S = 0.2
FADE_FROM = 0.45
"""Opacity at which a new word starts: it can be read at once."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """One word as it is painted now."""

    key: tuple[int, int, int]
    """Segment, line of the segment, word of the line."""
    word: Word
    rtl: bool
    row: float
    """Its row in the band; between two rows while its line slides, below 0 as it leaves."""
    alpha: float


@dataclass(slots=True)
class _Seen:
    """A word in sight."""

    word: Word
    since_s: float


@dataclass(frozen=True, slots=True)
class _Leaving:
    """A word that is no longer in the frame but still to be seen."""

    key: tuple[int, int, int]
    word: Word
    line: Line
    alpha: float
    since_s: float


@dataclass(slots=True)
class Motion:
    """The motion of one side (source or translation) of the band."""

    enabled: bool = True
    _lines: tuple[Line, ...] = ()
    _seen: dict[tuple[int, int, int], _Seen] = field(default_factory=dict)
    _leaving: list[_Leaving] = field(default_factory=list)
    _slide_rows: float = 0.0
    _slide_since_s: float = float("-inf")
    ends_s: float = float("-inf")
    """When nothing moves any more."""
    _moves: bool = False

    def show(self, lines: tuple[Line, ...], now_s: float) -> None:
        """Take the lines of the next frame."""
        if not self.enabled:
            self._lines, self._leaving, self._slide_rows = lines, [], 0.0
            self._seen.clear()
            return
        old, self._lines = self._lines, lines
        slide_rows = self._slide(now_s)
        rolled = _rolled(old, lines)
        if rolled:
            self._slide_rows, self._slide_since_s = slide_rows + rolled, now_s
            self.ends_s = now_s + SLIDE_S
        self._fade(old, rolled, now_s)

    def moving(self, now_s: float) -> bool:
        """Whether what is painted still changes."""
        return now_s < self.ends_s

    def tick(self, now_s: float) -> bool:
        """Whether it must be painted again, moving or come to rest since the last tick."""
        moved, self._moves = self._moves, self.moving(now_s)
        return moved or self._moves

    def sprites(self, now_s: float) -> Iterator[Sprite]:
        """What to paint, words that leave first."""
        shift = self._slide(now_s)
        for gone in self._leaving:
            if gone.line.row < 0:  # it leaves by sliding out of the band
                alpha = gone.alpha * (1 - _progress(now_s, gone.since_s, SLIDE_S))
            else:
                alpha = gone.alpha - _appear(now_s, gone.since_s)
            if alpha > 0:
                yield Sprite(gone.key, gone.word, gone.line.rtl, gone.line.row + shift, alpha)
        for line in self._lines:
            for nth, word in enumerate(line.words):
                key = line.segment, line.index, nth
                seen = self._seen.get(key)
                alpha = 1.0 if seen is None else _appear(now_s, seen.since_s)
                yield Sprite(key, word, line.rtl, line.row + shift, alpha)

    def _slide(self, now_s: float) -> float:
        """By how many rows everything is still below its place."""
        left = 1 - _progress(now_s, self._slide_since_s, SLIDE_S)
        return self._slide_rows * left * left  # fast first, then it settles

    def _fade(self, old: tuple[Line, ...], rolled: int, now_s: float) -> None:
        seen: dict[tuple[int, int, int], _Seen] = {}
        for line in self._lines:
            for nth, word in enumerate(line.words):
                key = line.segment, line.index, nth
                before = self._seen.get(key)
                same = before is not None and (before.word.text, before.word.x) == (
                    word.text,
                    word.x,
                )
                seen[key] = _Seen(word, before.since_s if same and before else now_s)
        fresh = any(one.since_s == now_s for one in seen.values())
        self._leaving = [
            gone
            for gone in self._leaving
            if now_s < gone.since_s + SLIDE_S and not self._covered(gone.word, gone.line.row)
        ]
        for line in old:
            moved = _at_row(line, line.row - rolled)
            for nth, word in enumerate(line.words):
                key = line.segment, line.index, nth
                now, before = seen.get(key), self._seen.get(key)
                if before is None or (now is not None and now.since_s != now_s):
                    continue
                if self._covered(word, moved.row):
                    continue
                alpha = _appear(now_s, before.since_s)
                self._leaving.append(_Leaving(key, word, moved, alpha, now_s))
                fresh = True
        self._seen = seen
        if fresh:
            self.ends_s = max(self.ends_s, now_s + FADE_S)

    def _covered(self, word: Word, row: int) -> bool:
        """Whether words of the present frame stand where this one stood."""
        return any(
            other.x < word.x + word.width and word.x < other.x + other.width
            for line in self._lines
            if line.row == row
            for other in line.words
        )


def _rolled(old: tuple[Line, ...], new: tuple[Line, ...]) -> int:
    """By how many rows the lines that stay went up; where they differ, none may slide down."""
    rows = {(line.segment, line.index): line.row for line in old}
    ways = [
        rows[line.segment, line.index] - line.row
        for line in new
        if (line.segment, line.index) in rows
    ]
    return max(0, min(ways, default=0))


def _at_row(line: Line, row: int) -> Line:
    return Line(row, line.segment, line.index, line.rtl, line.words)


def _appear(now_s: float, since_s: float) -> float:
    """Opacity of a word that came at a time."""
    return FADE_FROM + (1 - FADE_FROM) * _progress(now_s, since_s, FADE_S)


def _progress(now_s: float, since_s: float, duration_s: float) -> float:
    """From 0 to 1."""
    return max(0.0, min(1.0, (now_s - since_s) / duration_s))
