"""What most probably follows a prefix under CTC, while the prefix grows token by token.

`models.ctc_paths.best_path` answers the same for one prefix with a whole Viterbi pass; here a
further token costs two passes of numpy over the slots, since each state's best path is a running
maximum.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.ctc_paths import BLANK_ID, collapse

Column = NDArray[np.float64]
"""Log-probability of the best path up to and with each slot."""


class PrefixPaths:
    """Best paths whose output begins with a prefix.

    Args:
        log_probs: of the labels in each slot, (slots, vocabulary).
    """

    def __init__(self, log_probs: NDArray[np.float32]) -> None:
        self._log_probs = log_probs
        self._best = log_probs.argmax(axis=1)
        best_scores = log_probs.max(axis=1).astype(np.float64)
        self._rest = best_scores.sum() - np.cumsum(best_scores)
        self._blanks = np.cumsum(log_probs[:, BLANK_ID], dtype=np.float64)
        self._prefix: list[int] = []
        # Paths that have written the prefix, by what is in their last slot.
        self._in_blank: Column = self._blanks
        self._in_label: Column = np.full(len(log_probs), -np.inf)

    def continuation(self, prefix: Sequence[int]) -> list[int]:
        """The output of the best path behind the prefix; empty if the prefix has no room.

        Args:
            prefix: begins with the prefix of the call before.
        """
        for token in prefix[len(self._prefix) :]:
            self._extend(token)
        if not self._prefix:
            return collapse(self._best.tolist())
        ends = self._in_label + self._rest
        end = int(ends.argmax())
        if not np.isfinite(ends[end]):
            return []
        return collapse([self._prefix[-1], *self._best[end + 1 :].tolist()])[1:]

    def _extend(self, token: int) -> None:
        """Add a token to the prefix."""
        start = -np.inf if self._prefix else 0.0
        entered = np.concatenate(([start], self._in_blank[:-1]))
        if self._prefix and self._prefix[-1] != token:  # otherwise a blank has to stand between
            entered[1:] = np.maximum(entered[1:], self._in_label[:-1])
        scores = np.cumsum(self._log_probs[:, token], dtype=np.float64)
        self._in_label = _stay(entered, scores)
        left = np.concatenate(([-np.inf], self._in_label[:-1]))
        self._in_blank = _stay(left, self._blanks)
        self._prefix.append(token)


def _stay(entered: Column, scores: Column) -> Column:
    """Best paths that entered a state at some slot and stayed in it up to each slot.

    a_s = p_s + max(a_{s−1}, e_s), that is P_s + max over r ≤ s of e_r − P_{r−1}.

    Args:
        entered: e, the score with which a path comes into slot s.
        scores: P, the sums of what each slot gives to the state's label, p.
    """
    before = np.concatenate(([0.0], scores[:-1]))
    stayed: Column = scores + np.maximum.accumulate(entered - before)
    return stayed
