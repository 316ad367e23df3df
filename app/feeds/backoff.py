"""How long to wait before the next attempt. No I/O."""

import random
from collections.abc import Callable


class Backoff:
    """Pauses that double up to a longest one, each varied by a quarter so that crowds spread."""

    def __init__(
        self,
        first_s: float = 0.5,
        longest_s: float = 8.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Start with the first pause; `chance` gives numbers from 0 to 1."""
        self._first_s = first_s
        self._longest_s = longest_s
        self._chance = chance
        self._next_s = first_s

    def next_s(self) -> float:
        """The next pause, in seconds."""
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, self._longest_s)
        return pause_s * (0.75 + self._chance() / 2)

    def reset(self) -> None:
        """It worked: the next pause is the first one again."""
        self._next_s = self._first_s
