"""What a search may add to the scores of the sound: a language model, wanted words, or both."""

from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Reals = NDArray[np.floating]


class Bias(Protocol):
    """Scores added to hypotheses while they grow, natural logarithms."""

    def start(self) -> Hashable:
        """Return the state before the first token."""

    def scores(self, state: Hashable, token_ids: Ints) -> Reals:
        """Return what each of some tokens would earn, (tokens,)."""

    def extend(self, state: Hashable, token_id: int) -> tuple[Hashable, float]:
        """Return the state after a token, and what the token earns."""

    def finish(self, state: Hashable) -> float:
        """Return what is added, or taken back, when the hypothesis ends in this state."""


class SumOfBiases:
    """Several biases at once: their scores are added."""

    def __init__(self, *biases: Bias) -> None:
        self._biases = biases

    def start(self) -> tuple[Hashable, ...]:
        """Return the states of all."""
        return tuple(bias.start() for bias in self._biases)

    def extend(self, state: Hashable, token_id: int) -> tuple[tuple[Hashable, ...], float]:
        """Return the states of all, and the sum of what the token earns."""
        assert isinstance(state, tuple)
        extended = [
            bias.extend(own, token_id) for bias, own in zip(self._biases, state, strict=True)
        ]
        return tuple(own for own, _ in extended), sum(score for _, score in extended)

    def scores(self, state: Hashable, token_ids: Ints) -> Reals:
        """Return the sums of what tokens earn."""
        assert isinstance(state, tuple)
        total = np.zeros(len(token_ids))
        for bias, own in zip(self._biases, state, strict=True):
            total += bias.scores(own, token_ids)
        return total

    def finish(self, state: Hashable) -> float:
        """Return the sum of what the end adds."""
        assert isinstance(state, tuple)
        return sum(bias.finish(own) for bias, own in zip(self._biases, state, strict=True))


class WantedWords:
    """A bias towards words or phrases (hot words), given as token sequences.

    Each token that continues a phrase earns `bonus`; a phrase that is left before its end pays
    back, so that only complete phrases gain.
    """

    def __init__(self, phrases: Sequence[Sequence[int]], bonus: float = 1.5) -> None:
        self._bonus = bonus
        # For each opening of a phrase: its tokens behind the last complete phrase it begins with.
        self._owed: dict[tuple[int, ...], int] = {(): 0}
        complete = {tuple(phrase) for phrase in phrases if phrase}
        for phrase in sorted(complete):
            for length in range(1, len(phrase) + 1):
                opening = phrase[:length]
                self._owed[opening] = 0 if opening in complete else self._owed[opening[:-1]] + 1

    def start(self) -> tuple[int, ...]:
        """Return the state: the opening of a phrase that the last tokens form."""
        return ()

    def extend(self, state: Hashable, token_id: int) -> tuple[tuple[int, ...], float]:
        """Return the longest opening that ends in this token, and the score."""
        assert isinstance(state, tuple)
        longer = (*state, token_id)
        if longer in self._owed:
            return longer, self._bonus
        repaid = self._bonus * self._owed[state]
        for first in range(1, len(longer)):
            if longer[first:] in self._owed:
                return longer[first:], self._bonus * (len(longer) - first) - repaid
        return (), -repaid

    def scores(self, state: Hashable, token_ids: Ints) -> Reals:
        """Return what tokens earn."""
        return np.array([self.extend(state, token_id)[1] for token_id in token_ids.tolist()])

    def finish(self, state: Hashable) -> float:
        """Return what an unfinished phrase pays back at the end."""
        assert isinstance(state, tuple)
        return -self._bonus * self._owed[state]
