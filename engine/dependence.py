"""Dependence: which target words rest on source words that the recogniser takes back."""

from collections.abc import Sequence

from engine.stability import common_prefix


class Dependence:
    """Remembers of every target word how much source had been read when it came to stand.

    A word cannot rest on source that was not read yet. So when the source is taken back to a
    point, what stood when no more than that had been read stands still.
    """

    def __init__(self) -> None:
        """Start without words."""
        self._source: Sequence[str] = ()
        self._target: Sequence[str] = ()
        self._n_read: list[int] = []

    def note(self, source: Sequence[str], target: Sequence[str]) -> None:
        """A hypothesis for a source prefix."""
        same = common_prefix(self._target, target)
        self._n_read[same:] = [len(source)] * (len(target) - same)
        self._source, self._target = tuple(source), tuple(target)

    def untouched(self, source: Sequence[str]) -> Sequence[str]:
        """Target words that rest on nothing that `source` takes back; none if it only grows."""
        same = common_prefix(self._source, source)
        if same == len(self._source):
            return ()
        return self._target[: sum(n_read <= same for n_read in self._n_read)]
