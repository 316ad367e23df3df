"""Pace: the session clock of a source that is read faster than it was spoken."""

from collections.abc import Callable
from typing import Generic, TypeVar

from engine.source import SourcePrefix, SourceReader

T = TypeVar("T")


class SourceClock(Generic[T]):
    """Session time of a source that is read as fast as the machine can: what was consumed.

    A reader around the reader and, called, the clock: `run(source, clock, …, clock=clock)`.
    Delays then count source time only, as if the machine were infinitely fast; with
    `Limits(conflate=False)` they are the same in every run.
    """

    def __init__(self, reader: SourceReader[T], end_s: Callable[[T], float]) -> None:
        """Wrap a reader; `end_s` tells the session time at the end of an item."""
        self._reader = reader
        self._end_of = end_s
        self._now_s = 0.0

    def __call__(self) -> float:
        """Session time at the end of the last item that the reader was given."""
        return self._now_s

    def accept(self, item: T) -> list[SourcePrefix]:
        """Advance the clock, and read the item."""
        self._now_s = max(self._now_s, self._end_of(item))
        return self._reader.accept(item)

    def finish(self) -> list[SourcePrefix]:
        """Finish the reader."""
        return self._reader.finish()
