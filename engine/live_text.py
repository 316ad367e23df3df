"""Live text: what a person types, read as source prefixes."""

import unicodedata
from collections.abc import Callable

from engine.source import SourcePrefix

MAX_WORD_CHARS = 200
"""A longer run without a space is broken: nothing that follows could hold it."""

MAX_SEGMENT_WORDS = 100
"""A longer line becomes several segments, each of which continues the one before: an update costs
the same after an hour without a line end."""

_ERASE = "\b\x7f"
_LINE_ENDS = "\n\r\v\f\x85\u2028\u2029"


class LiveText:
    """A source reader of typed text.

    A space ends a word: it is committed. The word being typed is tentative; Backspace takes back
    its last character. A line end of any kind ends the segment; empty lines are nothing. Tabs and
    other control characters count as spaces. Text that arrives at once is read at once: one prefix
    for each segment that ends, one for the open one if it changed.
    """

    def __init__(self, lang: str, clock: Callable[[], float]) -> None:
        """Start with an empty line.

        Args:
            lang: ISO 639-1 code of the language typed.
            clock: session time in seconds; a prefix carries the times when it was typed.
        """
        self._lang = lang
        self._clock = clock
        self._segment = 0
        self._words: list[str] = []
        self._word: list[str] = []
        self._goes_on = False  # whether the open segment continues the one before
        self._start_s = 0.0
        self._end_s = 0.0

    def accept(self, text: str) -> list[SourcePrefix]:
        """Read the characters typed since the last call."""
        now_s = self._clock()
        prefixes = []
        changed = False
        for char in text:
            if char in _LINE_ENDS:
                prefixes += self._end_line()
                changed = False
            elif char in _ERASE:
                changed |= bool(self._word)
                self._word = self._word[:-1]
            elif char.isspace() or unicodedata.category(char) == "Cc":
                changed |= self._end_word()
            elif char != "\ufeff":
                self._type(char, now_s)
                changed = True
            if len(self._words) >= MAX_SEGMENT_WORDS and not self._word:
                prefixes.append(self._end_segment(goes_on=True))
                changed = False
        if changed:
            prefixes.append(self._prefix(finished=False))
        return prefixes

    def finish(self) -> list[SourcePrefix]:
        """End the open line, if it has text."""
        return self._end_line()

    def _type(self, char: str, now_s: float) -> None:
        if not self._words and not self._word:
            self._start_s = now_s
        if len(self._word) >= MAX_WORD_CHARS:
            self._end_word()
        self._word.append("\ufffd" if "\ud800" <= char <= "\udfff" else char)
        self._end_s = now_s

    def _end_word(self) -> bool:
        if not self._word:
            return False
        self._words.append("".join(self._word))
        self._word.clear()
        return True

    def _end_line(self) -> list[SourcePrefix]:
        self._end_word()
        return [self._end_segment(goes_on=False)] if self._words or self._goes_on else []

    def _end_segment(self, *, goes_on: bool) -> SourcePrefix:
        prefix = self._prefix(finished=True, goes_on=goes_on)
        self._words.clear()
        self._segment += 1
        self._goes_on = goes_on
        return prefix

    def _prefix(self, *, finished: bool, goes_on: bool = False) -> SourcePrefix:
        return SourcePrefix(
            segment=self._segment,
            lang=self._lang,
            committed=" ".join(self._words),
            tentative="".join(self._word),
            finished=finished,
            goes_on=goes_on,
            start_s=self._start_s,
            end_s=self._end_s,
        )
