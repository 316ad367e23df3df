"""What there is to say besides the captions: notices of the job, and figures of its captions.

No Qt. The figures come with the captions, so a feed from another machine has them too.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Literal

from engine.captions import Caption

Phase = Literal["starting", "running", "stopped", "lost", "failed"]
Load = Literal["keeping up", "stretched", "finals only"]

STRETCHED_S = 3.0
"""Behind what was said by more than this, the machine does not keep up with revisions."""
RECENT_CAPTIONS = 12
RECENT_WORDS = 20
RECENT_SEGMENTS = 20
FINALS_IN_A_ROW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a job says of itself; a newer one replaces it."""

    phase: Phase
    """`lost`: the device or the feed is gone and is being looked for; `failed`: the session
    died and is started again."""
    subject: Literal["session", "device", "feed"] = "session"
    detail: str = ""
    """One line for the curious, not translated: what the error said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an engine tells besides its captions; a newer one replaces it."""

    viewers: int | None = None
    """Clients of the feed; None where none is served."""


News = Caption | Notice | Report


@dataclass(frozen=True, slots=True)
class Timing:
    """When a word was said, recognised, translated and painted, as it stays; session time."""

    text: str
    """A word; where the captions do not carry times of words, all that one of them committed."""
    spoken_s: float
    recognised_s: float | None
    """None where the captions do not carry it."""
    translated_s: float
    painted_s: float


@dataclass(slots=True)
class Figures:
    """Delay, normalized erasure and load, from the captions as they are painted."""

    timings: deque[Timing] = field(default_factory=lambda: deque(maxlen=200))
    """Newest last."""
    report: Report = field(default_factory=Report)
    """Of the engine, where there is one."""
    work: float | None = None
    """Seconds of work for a second of sound, lately; None where that is not known."""
    _load: Load | None = None
    _delays: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT_WORDS))
    _behind: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT_CAPTIONS))
    _segments: "OrderedDict[tuple[str, int], _Segment]" = field(default_factory=OrderedDict)

    def painted(self, caption: Caption, lag_s: float, *, tentative: bool = True) -> None:
        """Count a caption that is on the screen `lag_s` after it was published.

        Args:
            caption: as published.
            lag_s: between the two.
            tentative: whether its tentative words are shown, too.
        """
        key = caption.session, caption.segment
        segment = self._segments.setdefault(key, _Segment())
        if len(self._segments) > RECENT_SEGMENTS:
            self._segments.popitem(last=False)
        painted_s = caption.emitted_s + lag_s
        self._behind.append(painted_s - caption.end_s)
        if caption.live is not None:
            self.work, load = caption.live.real_time_factor, caption.live.load
            self._load = None if load is None else load.value
        segment.take(caption, painted_s, tentative=tentative)
        settled = list(segment.settle(caption, painted_s))
        self.timings += settled
        if caption.words:
            self._delays += [timing.painted_s - timing.spoken_s for timing in settled]

    @property
    def delay_s(self) -> float | None:
        """Seconds from a word being said to its translation being painted as it stays.

        A mean over the last words; of captions that do not carry the times of words, the time from
        the end of the sound that was used for the newest one.
        """
        if self._delays:
            return fmean(self._delays)
        return self._behind[-1] if self._behind else None

    @property
    def normalized_erasure(self) -> float | None:
        """Words taken back ÷ words of the recent segments; None without words."""
        n_words = sum(segment.n_words for segment in self._segments.values())
        n_erased = sum(segment.n_erased for segment in self._segments.values())
        return n_erased / n_words if n_words else None

    @property
    def load(self) -> Load | None:
        """Whether the machine keeps up with what is said; None as long as nothing was.

        As the captions say; of those that do not, as far as it shows.
        """
        if self._load is not None:
            return self._load
        if not self._behind:
            return None
        last = list(self._segments.values())[-FINALS_IN_A_ROW:]
        if len(last) == FINALS_IN_A_ROW and all(one.final_only for one in last):
            return "finals only"
        return "stretched" if median(self._behind) > STRETCHED_S else "keeping up"


@dataclass(slots=True)
class _Segment:
    n_erased: int = 0
    final_only: bool = False
    _n_captions: int = 0
    _words: list[str] = field(default_factory=list)
    _painted_s: list[float] = field(default_factory=list)
    """Since when each of them, and all before it, has been on the screen."""
    _n_settled: int = 0

    @property
    def n_words(self) -> int:
        return len(self._words)

    def take(self, caption: Caption, painted_s: float, *, tentative: bool) -> None:
        """Count a revision."""
        words = (caption.target.full if tentative else caption.target.committed).split()
        kept = 0
        for old, new in zip(self._words, words, strict=False):
            if old != new:
                break
            kept += 1
        # By comparison with what was painted, not `caption.erased`: revisions that were never
        # painted did not disturb the reader.
        self.n_erased += len(self._words) - kept
        self._words = words
        self._painted_s[kept:] = [painted_s] * (len(words) - kept)
        self._n_captions += 1
        self.final_only = caption.final and self._n_captions == 1

    def settle(self, caption: Caption, painted_s: float) -> Iterator[Timing]:
        """The times of the words that have been committed since the last call."""
        committed = caption.target.committed.split()
        first, self._n_settled = self._n_settled, len(committed)
        fresh = committed[first:]
        if not caption.words and fresh:
            times = caption.end_s, None, caption.emitted_s, painted_s
            yield Timing(" ".join(fresh), *times)
        for word, at_s in zip(caption.words[first:], self._painted_s[first:], strict=False):
            yield Timing(word.text, word.spoken_s, word.recognised_s, word.translated_s, at_s)
