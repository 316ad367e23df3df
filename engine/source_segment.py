"""The source that is being read for the captions: its words, and which of them stay."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.source import SourcePrefix
from engine.stability import graft_point
from engine.word_times import Heard


@dataclass(slots=True)
class SourceSegment:
    """Takes in the prefixes of one segment, and of those that continue it.

    Committed words stay even if a prefix contradicts them.
    """

    segment: int
    """The newest that was read."""
    lang: str
    start_s: float
    end_s: float
    words: list[str] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    """When each of the words was said and recognised."""
    n_committed: int = 0
    """Leading words that will not change."""
    n_cut: int = 0
    """Leading words that belong to caption segments already final."""
    translation: str | None = None
    """What the recogniser itself made of the segment in the target language."""
    n_earlier: int = 0
    """Leading words of the segments before the newest."""
    goes_on: bool = False
    """Whether the next segment continues this one."""

    @classmethod
    def begin(cls, prefix: SourcePrefix) -> "SourceSegment":
        """The segment of a prefix, nothing of which is read yet."""
        return cls(
            segment=prefix.segment,
            lang=prefix.lang,
            start_s=prefix.start_s,
            end_s=prefix.start_s,
        )

    def read(self, prefix: SourcePrefix) -> None:
        """Take in a newer prefix."""
        committed, tentative = prefix.committed.split(), prefix.tentative.split()
        words = self.words[: self.n_earlier] + committed + tentative
        n_committed = self.n_earlier + len(committed)
        heard = self.heard[: self.n_earlier] + _times(prefix, len(committed) + len(tentative))
        if prefix.finished:
            n_committed = len(words)
        n_kept = self.n_committed
        kept = self.words[:n_kept]
        point = n_kept
        if words[:n_kept] != kept:
            point = graft_point(kept, words)
            n_committed = n_kept + max(0, n_committed - point)
        self.words = kept + words[point:]
        self.heard = self.heard[:n_kept] + heard[point:]
        self.n_committed = max(n_committed, n_kept)
        self.end_s = max(self.end_s, prefix.end_s)
        self.lang = prefix.lang
        self.translation = prefix.translation
        self.goes_on = prefix.goes_on

    def go_on(self, segment: int) -> None:
        """Continue with the next segment; all words read so far stay."""
        del self.words[: self.n_cut]
        del self.heard[: self.n_cut]
        self.n_cut = 0
        self.n_earlier = self.n_committed = len(self.words)
        self.segment = segment
        self.goes_on = False


def _times(prefix: SourcePrefix, n_words: int) -> list[Heard]:
    """Times of the words of a prefix; its end, where nobody noted them."""
    spoken_s: Sequence[float] = prefix.spoken_s or (prefix.end_s,) * n_words
    recognised_s = prefix.recognised_s or spoken_s
    return [Heard(*times) for times in zip(spoken_s, recognised_s, strict=True)]
