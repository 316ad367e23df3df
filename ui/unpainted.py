"""Captions on their way to the screen, and the figures of those that have arrived."""

from collections import deque
from collections.abc import Iterable

from engine.captions import Caption
from ui.status import Figures

KEPT = 64
"""A band that the window system does not let paint must not collect captions for ever."""


class Unpainted:
    """Captions in the order in which they came; times are those of the band's clock, in s."""

    def __init__(self) -> None:
        """Wait for captions."""
        self._waiting: deque[tuple[Caption, float]] = deque(maxlen=KEPT)
        self._n_framed = 0  # of them, that are in the frame already

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._waiting)

    def take(self, captions: Iterable[Caption], since_s: float) -> None:
        """Take captions that left the engine at a time."""
        self._waiting += [(caption, since_s) for caption in captions]

    def frame(self) -> None:
        """All of them are in the frame that is painted next."""
        self._n_framed = len(self._waiting)

    def count_painted(self, figures: Figures, now_s: float, *, tentative: bool) -> None:
        """Count the captions of the frame as painted by now; `tentative` words, too, or not."""
        for _ in range(min(self._n_framed, len(self._waiting))):
            caption, since_s = self._waiting.popleft()
            figures.painted(caption, max(0.0, now_s - since_s), tentative=tentative)
        self._n_framed = 0
