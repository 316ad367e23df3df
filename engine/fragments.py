"""Fragments: whether the next source segment continues the sentence of the one that ends.

A reader ends a segment for two reasons. Speech has run on for longer than it can hold: then the
next segment continues. Or speech pauses: then the sentence is over, unless it were only a word or
two. The end of such a fragment is held for a moment; speech that starts meanwhile continues it.
"""

from dataclasses import replace

from engine.source import SourcePrefix

_FRAGMENT_WORDS = 2


class SentenceEnds:
    """Tells the last prefixes of one stream's segments, each once."""

    def __init__(self, hold_samples: int, *, joins: bool) -> None:
        """Start without a segment.

        Args:
            hold_samples: how long fragments are held after their end.
            joins: whether any segment goes on; not where each is translated by itself.
        """
        self._joins = joins
        self._hold_samples = hold_samples
        self._n_words = 0  # of the segments before this one that it continues
        self._held: SourcePrefix | None = None
        self._held_until = 0  # sample position

    @property
    def within(self) -> bool:
        """Whether the segment in progress continues the one before."""
        return self._n_words > 0

    def end(self, last: SourcePrefix, *, goes_on: bool) -> list[SourcePrefix]:
        """A segment ended: while somebody speaks, so that the next one continues it, or not."""
        goes_on = goes_on and self._joins
        self._n_words = self._n_words + len(last.committed.split()) if goes_on else 0
        return [replace(last, goes_on=goes_on)]

    def pause(self, last: SourcePrefix, position: int) -> list[SourcePrefix]:
        """Speech paused; that was noticed at sample `position`."""
        n_words = self._n_words + len(last.committed.split())
        if not self._joins or not 0 < n_words <= _FRAGMENT_WORDS:
            return self.end(last, goes_on=False)
        self._held, self._held_until = last, position + self._hold_samples
        return [replace(last, finished=False)]

    def speech(self, position: int) -> list[SourcePrefix]:
        """Somebody speaks again, as was noticed at `position`."""
        return self._release(goes_on=position <= self._held_until)

    def silence(self, position: int) -> list[SourcePrefix]:
        """Nobody has spoken again up to `position`."""
        return self._release(goes_on=False) if position > self._held_until else []

    def close(self) -> list[SourcePrefix]:
        """Nothing that comes later continues what was said."""
        return self._release(goes_on=False)

    def _release(self, *, goes_on: bool) -> list[SourcePrefix]:
        held, self._held = self._held, None
        return [] if held is None else self.end(held, goes_on=goes_on)
