"""Live figures of a session: normalized erasure and delay, while the captions come."""

from collections import deque

from engine.captions import Caption

RECENT_WORDS = 100
"""Committed words over which the live delay is averaged: about 40 seconds of speech."""


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
        self._delays_s: deque[float] = deque(maxlen=RECENT_WORDS)

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

        A mean over the words committed lately; None before the first word.
        """
        n_words = len(self._delays_s)
        return sum(self._delays_s) / n_words if n_words else None

    def observe(self, caption: Caption) -> None:
        """Take in the next caption of the session."""
        self.n_erased += caption.erased
        self._delays_s.extend(word.delay_s for word in caption.words[self._n_open :])
        self._n_open = len(caption.target.committed.split())
        if caption.final:
            self._n_final, self._n_open = self._n_final + self._n_open, 0
