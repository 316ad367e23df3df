"""What there is to say besides the captions: notices of the job, and figures of its captions.

No Qt. Most figures come from the captions alone, so a feed from another machine has them too.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from engine.captions import Caption

Phase = Literal["starting", "running", "stopped", "lost", "failed"]
Load = Literal["keeping up", "stretched", "finals only"]

STRETCHED_S = 3.0
"""Behind what was said by more than this, the machine does not keep up with revisions."""
RECENT_CAPTIONS = 12
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
    """Figures that an engine gives besides its captions; a newer one replaces it."""

    load: Load | None = None
    """None while it is not known."""
    work: float | None = None
    """Seconds of work for a second of sound, lately."""
    viewers: int | None = None
    """Clients of the feed; None where none is served."""


News = Caption | Notice | Report


@dataclass(frozen=True, slots=True)
class Timing:
    """When the words of one revision were said, translated and painted; session time."""

    text: str
    spoken_s: float
    translated_s: float
    painted_s: float


@dataclass(slots=True)
class Figures:
    """Delay, normalized erasure and load, from the captions as they are painted."""

    delay_s: float | None = None
    """Spoken → painted, of the newest caption."""
    report: Report = field(default_factory=Report)
    """The engine's own figures, where there is an engine."""
    timings: deque[Timing] = field(default_factory=lambda: deque(maxlen=200))
    """Of the words that each caption brought, newest last."""
    _delays: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT_CAPTIONS))
    _segments: "OrderedDict[tuple[str, int], _Segment]" = field(default_factory=OrderedDict)

    def painted(self, caption: Caption, lag_s: float) -> None:
        """Count a caption that is on the screen `lag_s` after it was published."""
        key = caption.session, caption.segment
        segment = self._segments.setdefault(key, _Segment())
        if len(self._segments) > RECENT_SEGMENTS:
            self._segments.popitem(last=False)
        painted_s = caption.emitted_s + lag_s
        self.delay_s = painted_s - caption.end_s
        self._delays.append(self.delay_s)
        fresh = segment.take(caption)
        if fresh:
            self.timings.append(Timing(fresh, caption.end_s, caption.emitted_s, painted_s))

    @property
    def normalized_erasure(self) -> float | None:
        """Words taken back ÷ words of the recent segments; None without words."""
        n_words = sum(segment.n_words for segment in self._segments.values())
        n_erased = sum(segment.n_erased for segment in self._segments.values())
        return n_erased / n_words if n_words else None

    @property
    def load(self) -> Load | None:
        """Whether the machine keeps up with what is said; None as long as nothing was.

        As the engine says; of a feed, as far as its captions show it.
        """
        if self.report.load is not None:
            return self.report.load
        if not self._delays:
            return None
        last = list(self._segments.values())[-FINALS_IN_A_ROW:]
        if len(last) == FINALS_IN_A_ROW and all(one.final_only for one in last):
            return "finals only"
        return "stretched" if median(self._delays) > STRETCHED_S else "keeping up"


@dataclass(slots=True)
class _Segment:
    n_words: int = 0
    n_erased: int = 0
    final_only: bool = False
    _n_captions: int = 0
    _words: list[str] = field(default_factory=list)

    def take(self, caption: Caption) -> str:
        """Count a revision; the words that it brought."""
        words = caption.target.full.split()
        kept = 0
        for old, new in zip(self._words, words, strict=False):
            if old != new:
                break
            kept += 1
        # By comparison with what was painted, not `caption.erased`: revisions that were never
        # painted did not disturb the reader.
        self.n_erased += len(self._words) - kept
        self._words, self.n_words = words, len(words)
        self._n_captions += 1
        self.final_only = caption.final and self._n_captions == 1
        return " ".join(words[kept:])
