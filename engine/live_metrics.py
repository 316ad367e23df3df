"""Live figures of a session: normalized erasure and delay, while the captions come."""

from collections import deque
from collections.abc import Sequence

from engine.captions import Caption
from engine.metrics import Revision, revision_delays

RECENT_SEGMENTS = 10
"""Final segments over which the live delay is averaged."""


class LiveMeter:
    """Watches the captions of one session; memory stays bounded.

    Normalized erasure counts the whole session, with the committed words in the place of the final
    ones: at the end it equals `engine.metrics.caption_erasure`, before that it is never too low.
    """

    def __init__(self) -> None:
        """Start without captions."""
        self.n_erased = 0
        """Words that were shown and taken back."""
        self._n_final = 0  # words of final segments
        self._n_open = 0  # committed words of the open segment
        self._segment: int | None = None
        self._revisions: list[Revision] = []
        self._recent: deque[tuple[float, int]] = deque(maxlen=RECENT_SEGMENTS)

    @property
    def n_committed(self) -> int:
        """Words that will never change."""
        return self._n_final + self._n_open

    @property
    def normalized_erasure(self) -> float:
        """Words taken back for each word committed."""
        return self.n_erased / max(self.n_committed, 1)

    @property
    def delay_s(self) -> float | None:
        """Seconds between a word being said and its translation standing as it stays.

        A mean over the words of recent final segments; words count as said evenly over their
        segment, since nothing tells which source word a target word translates. None before the
        first word.
        """
        n_words = sum(n for _, n in self._recent)
        return sum(total for total, _ in self._recent) / n_words if n_words else None

    def observe(self, caption: Caption) -> list[float]:
        """Take in the next caption of the session.

        Returns:
            The delays in seconds of the words of a segment that became final; nothing otherwise.
        """
        self.n_erased += caption.erased
        if caption.segment != self._segment:
            self._segment, self._revisions = caption.segment, []
        self._revisions.append((caption.emitted_s, caption.target.full.split()))
        self._n_open = len(caption.target.committed.split())
        if not caption.final:
            return []
        self._n_final, self._n_open = self._n_final + self._n_open, 0
        delays = _word_delays(self._revisions, caption)
        self._recent.append((sum(delays), len(delays)))
        self._segment, self._revisions = None, []
        return delays


def _word_delays(revisions: Sequence[Revision], final: Caption) -> list[float]:
    settled = revision_delays(revisions)
    word_s = (final.end_s - final.start_s) / max(len(settled), 1)
    return [at_s - (final.start_s + i * word_s) for i, at_s in enumerate(settled, 1)]
