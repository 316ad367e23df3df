"""Line breaking in which a painted committed word never moves. No Qt: widths come from outside.

Lines are filled greedily, so the break before a word depends only on the words before it; words
are placed one by one from the line's start edge, so no later word shifts an earlier one. A
paragraph lays each committed word once and then leaves it alone; tentative words are laid behind
the committed ones, again for every revision.

The one exception is a phrase written against the direction of its line (a Latin name of several
words in Arabic text): to be readable it must grow away from its own first word, so its words make
room within the phrase. No other word of the line moves.
"""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

Measure = Callable[[str], float]
"""The painted width of a word, in pixels."""

RIGHT_TO_LEFT_LANGS = frozenset(
    "ar ara arb ckb dv div fa fas per he heb iw "  # noqa: SIM905 (a list of 22 lines)
    "ps pus sd snd ug uig ur urd yi yid".split()
)

_NO_LINE_START = frozenset(
    "、。，．：；！？）」』】〉》〕］｝ー々…‥・％ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
)
_NO_LINE_END = frozenset("（「『【〈《〔［｛")


@dataclass(frozen=True, slots=True)
class Word:
    """One piece of text that is painted as a whole, at a place of its own in its line."""

    text: str
    x: float
    """Distance from the line's start edge (its right edge, if the line runs right to left)."""
    width: float
    committed: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    spaced: bool
    """A space separates it from the piece before it."""
    glued: bool
    """It may not start a line."""


class Paragraph:
    """The lines of one text that grows: committed words are laid once, tentative ones anew."""

    def __init__(self, width: float, measure: Measure) -> None:
        self.committed = ""
        self._pen = _Pen(width, measure, [])

    def commit(self, text: str) -> bool:
        """Lay the words by which `text` (single spaces) extends the committed text.

        Returns:
            Whether `text` does extend it; if not, nothing changed.
        """
        if not text.startswith(self.committed):
            return False
        self._pen.write(_pieces(text, start=len(self.committed)), committed=True)
        self.committed = text
        return True

    def lines(self, tentative: str = "") -> list[tuple[Word, ...]]:
        """All lines, with tentative text (single spaces) behind the committed text."""
        done, last = self._pen.lines[:-1], self._pen.lines[-1:]
        pen = _Pen(self._pen.width, self._pen.measure, [list(line) for line in last])
        text = " ".join(part for part in (self.committed, tentative) if part)
        pen.write(_pieces(text, start=len(self.committed)), committed=False)
        return [tuple(line) for line in done + pen.lines]


class _Pen:
    """Places pieces one behind the other."""

    def __init__(self, width: float, measure: Measure, lines: list[list[Word]]) -> None:
        self.width = width
        self.measure = measure
        self.lines = lines

    def write(self, pieces: Iterator[_Piece], *, committed: bool) -> None:
        for piece in pieces:
            self._place(piece, committed)

    def _place(self, piece: _Piece, committed: bool) -> None:
        width = self.measure(piece.text)
        x = self._end()
        if x > 0 and piece.spaced:
            x += self.measure(" ")
        # Closing punctuation hangs over the edge unless it starts there; an opening bracket takes
        # room for what it opens. Neither looks ahead, so that what follows changes nothing.
        hangs = piece.glued and piece.text in _NO_LINE_START and x <= self.width
        room = 2 * width if piece.text in _NO_LINE_END else width
        if not self.lines or (x > 0 and x + room > self.width and not hangs):
            self.lines.append([])
            x = 0.0
        if x == 0 and width > self.width and len(piece.text) > 1:
            self._place_in_parts(piece.text, committed)
        else:
            self.lines[-1].append(Word(piece.text, x, width, committed))

    def _place_in_parts(self, text: str, committed: bool) -> None:
        """Break a piece that is longer than a line wherever the line ends."""
        while text:
            cut = self._fitting(text)
            if self.lines[-1]:
                self.lines.append([])
            self.lines[-1].append(Word(text[:cut], 0.0, self.measure(text[:cut]), committed))
            text = text[cut:]

    def _fitting(self, text: str) -> int:
        """How many characters fit in a line: at least one, and no cut before a combining mark."""
        low, high = 1, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.measure(text[:middle]) <= self.width:
                low = middle
            else:
                high = middle - 1
        cut = low
        while cut > 1 and cut < len(text) and _is_mark(text[cut]):
            cut -= 1
        return cut if cut > 1 or not _is_mark(text[1:2]) else low

    def _end(self) -> float:
        if not self.lines or not self.lines[-1]:
            return 0.0
        last = self.lines[-1][-1]
        return last.x + last.width


def right_to_left(lang: str, text: str) -> bool:
    """Whether a text runs right to left: by its language, or by its first letter if that says."""
    if lang.replace("_", "-").split("-")[0].lower() in RIGHT_TO_LEFT_LANGS:
        return True
    return False if lang else _direction(text) is True


def in_visual_order(words: tuple[Word, ...], *, line_is_rtl: bool) -> tuple[Word, ...]:
    """Move the words of each phrase that runs against its line, so that it reads in its direction.

    A phrase is two or more words of the other direction in a row; numbers continue it.
    """
    placed = list(words)
    start = 0
    while start < len(placed):
        stop = start
        while stop < len(placed) and _continues(placed[stop].text, line_is_rtl, stop > start):
            stop += 1
        if stop - start > 1:
            left, right = placed[start].x, placed[stop - 1].x + placed[stop - 1].width
            for at in range(start, stop):
                word = placed[at]
                placed[at] = replace(word, x=left + right - word.x - word.width)
        start = max(stop, start + 1)
    return tuple(placed)


def one_spaced(text: str) -> str:
    """The text with single spaces between its words and none around it."""
    return " ".join(text.split())


def _continues(text: str, line_is_rtl: bool, inside: bool) -> bool:
    direction = _direction(text)
    return inside if direction is None else direction is not line_is_rtl


def _direction(text: str) -> bool | None:
    """True if the first letter runs right to left, False if left to right, None without one."""
    for char in text:
        match unicodedata.bidirectional(char):
            case "R" | "AL":
                return True
            case "L":
                return False
    return None


def _pieces(text: str, *, start: int) -> Iterator[_Piece]:
    """The pieces of `text[start:]`: words, and single characters where the script has no words."""
    at = start
    while at < len(text):
        spaced = text[at] == " "
        at += spaced
        end = at + 1
        while end < len(text) and text[end] != " " and not _breaks(text[end - 1], text[end]):
            end += 1
        before = text[at - 1 - spaced] if at > spaced else ""
        here = text[at:end]
        if spaced and _is_ideographic(before) and _is_ideographic(here):
            spaced = False  # between ideographs a space only marks where two texts were joined
        glued = not spaced and bool(before) and not _may_break(before, here[0])
        yield _Piece(here, spaced and bool(before), glued)
        at = end


def _breaks(before: str, char: str) -> bool:
    """Whether a new piece starts at `char`."""
    return (_is_ideographic(before) or _is_ideographic(char)) and not _is_mark(char)


def _may_break(before: str, char: str) -> bool:
    return _breaks(before, char) and char not in _NO_LINE_START and before not in _NO_LINE_END


def _is_ideographic(text: str) -> bool:
    """Whether the first character is of a script that is written without spaces between words."""
    if not text:
        return False
    code = ord(text[0])
    return (
        0x2E80 <= code <= 0x30FF  # radicals, punctuation, kana
        or 0x31F0 <= code <= 0x31FF
        or 0x3400 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0xFF00 <= code <= 0xFF60  # full-width forms
        or 0x20000 <= code <= 0x3FFFF
    )


def _is_mark(char: str) -> bool:
    return bool(char) and (unicodedata.category(char)[0] == "M" or char in "\u200d\ufe0e\ufe0f")
