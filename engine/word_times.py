"""Word times: spoken → recognised → translated → shown.

`SourceTimer` notes when the words of source prefixes were recognised, `TargetTimer` when those of
a caption segment were translated and shown. A word counts from the moment on when it, and on the
target side all words before it, stood as they stay (as in `engine.metrics.revision_delays`).

No model tells which source word a target word stands for. It is taken to be the one at the same
place, source and target being as long as they were in the session so far, as Average Lagging does
(arXiv 1810.08398); never one that was not recognised yet when the translation came to stand.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from engine.captions import WordTimes
from engine.source import SourcePrefix
from engine.stability import common_prefix

_ROUNDING = 1e-9  # of sums of fractions that make a whole word


@dataclass(frozen=True, slots=True)
class Heard:
    """When a source word was said and recognised, in session time."""

    spoken_s: float
    recognised_s: float


class SourceTimer:
    """Notes when the words of one stream's prefixes were recognised."""

    def __init__(self) -> None:
        """Start without a segment."""
        self._segment = -1
        self._words: list[str] = []
        self._heard: list[Heard] = []

    def note(self, prefix: SourcePrefix, now_s: float) -> SourcePrefix:
        """The prefix, read at `now_s`, with the times of its words.

        Where the reader does not tell when they were said, they count as said at the end of the
        first prefix that has them.
        """
        if prefix.segment != self._segment:
            self._segment, self._words, self._heard = prefix.segment, [], []
        words = prefix.text.split()
        heard = []
        for i, word in enumerate(words):
            spoken_s = prefix.spoken_s[i] if prefix.spoken_s else prefix.end_s
            if i < len(self._words) and self._words[i] == word:
                before = self._heard[i]
                spoken_s = spoken_s if prefix.spoken_s else before.spoken_s
                heard.append(Heard(spoken_s, max(before.recognised_s, spoken_s)))
            else:
                heard.append(Heard(spoken_s, max(now_s, spoken_s)))
        self._words, self._heard = words, heard
        return replace(
            prefix,
            spoken_s=tuple(times.spoken_s for times in heard),
            recognised_s=tuple(times.recognised_s for times in heard),
        )


@dataclass(slots=True)
class WordRatio:
    """Source words for each target word in a session so far; 1 before its first segment."""

    n_source: int = 0
    n_target: int = 0

    def add(self, n_source: int, n_target: int) -> None:
        """Count a segment that is final."""
        self.n_source += n_source
        self.n_target += n_target

    def __call__(self) -> float:
        """The ratio."""
        return self.n_source / self.n_target if self.n_source and self.n_target else 1.0


@dataclass(slots=True)
class _Since:
    """Words, and since when each of them has stood there together with all before it."""

    words: Sequence[str] = ()
    since_s: list[float] = field(default_factory=list)

    def become(self, words: Sequence[str], now_s: float) -> None:
        same = common_prefix(self.words, words)
        self.since_s[same:] = [now_s] * (len(words) - same)
        self.words = tuple(words)


class TargetTimer:
    """Notes when the target words of one caption segment came about."""

    def __init__(self) -> None:
        """Start without words."""
        self._translated = _Since()
        self._shown = _Since()
        self._committed: tuple[WordTimes, ...] = ()
        self._place = 0.0  # source words that the committed words stand for

    def translate(self, words: Sequence[str], now_s: float) -> None:
        """The newest hypothesis, hidden words included, was made at `now_s`."""
        self._translated.become(words, now_s)

    def show(
        self,
        words: Sequence[str],
        n_committed: int,
        heard: Sequence[Heard],
        now_s: float,
        *,
        final: bool,
        ratio: float,
    ) -> tuple[WordTimes, ...]:
        """Words were shown at `now_s`.

        Args:
            words: of the target, all that are visible.
            n_committed: how many of them will not change.
            heard: times of the source words read so far.
            now_s: session time.
            final: source and target are complete, so that the last words stand for each other.
            ratio: source words for each target word, as long as they are not.

        Returns:
            The times of all committed words.
        """
        self._shown.become(words, now_s)
        fresh = range(len(self._committed), n_committed)
        if final and fresh:
            ratio = max(len(heard) - self._place, 0.0) / len(fresh)
        for i in fresh:
            self._place += ratio
            self._committed += (
                self._times(i, heard[: max(math.ceil(self._place - _ROUNDING), 1)]),
            )
        return self._committed

    def _times(self, i: int, heard: Sequence[Heard]) -> WordTimes:
        """Times of word `i`, which stands for the last of these words that was recognised then."""
        translated_s = self._translated.since_s[i]
        unknown = Heard(translated_s, translated_s)
        by_then = (source for source in heard if source.recognised_s <= translated_s)
        source = [unknown, *heard[:1], *by_then][-1]
        return WordTimes(
            text=self._shown.words[i],
            spoken_s=min(source.spoken_s, translated_s),
            recognised_s=min(source.recognised_s, translated_s),
            translated_s=translated_s,
            shown_s=self._shown.since_s[i],
        )
