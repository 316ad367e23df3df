"""CTC decoding: greedy with token times, and prefix beam search with optional bias.

Times count from the first sample of the audio. Encoder frame i (after the two prefix frames)
is centred at 80·i + 70 ms and stands for the 80 ms around that.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.owsm_ctc.network import BLANK_ID

FRAME_S = 0.08
FIRST_CENTRE_S = 0.07
_FIRST_START_S = FIRST_CENTRE_S - FRAME_S / 2  # 0.03 s


def frame_start_s(frame: int) -> float:
    """Return where the 80 ms of an encoder frame begin; prefix frames (negative) begin at 0 s."""
    return max(0.0, frame * FRAME_S + _FIRST_START_S)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive frames on which one token was the best; `last` is included."""

    token_id: int
    first: int
    last: int
    confidence: float


def greedy_runs(log_probs: Tensor) -> list[Run]:
    """Return the runs of non-blank best tokens of (frames, vocabulary) log-probabilities."""
    values, best = log_probs.max(dim=-1)
    ids: list[int] = best.tolist()
    probabilities: list[float] = values.exp().tolist()
    runs: list[Run] = []
    first = 0
    for frame in range(1, len(ids) + 1):
        if frame < len(ids) and ids[frame] == ids[first]:
            continue
        if ids[first] != BLANK_ID:
            mean = sum(probabilities[first:frame]) / (frame - first)
            runs.append(Run(ids[first], first, frame - 1, mean))
        first = frame
    return runs


class Bias(Protocol):
    """Scores added to hypotheses while they grow: a language model, or wanted words."""

    def start(self) -> Hashable:
        """Return the state before the first token."""

    def extend(self, state: Hashable, token_id: int) -> tuple[Hashable, float]:
        """Return the state after a token and the score (natural log) that the token earns."""

    def finish(self, state: Hashable) -> float:
        """Return what is added, or taken back, when the hypothesis ends in this state."""


@dataclass(frozen=True, slots=True)
class BeamHypothesis:
    """A token sequence and its log-probability, with and without bias."""

    token_ids: tuple[int, ...]
    log_prob: float
    score: float


@dataclass(slots=True)
class _Prefix:
    """A growing hypothesis: log-probability of ending in blank and in its last token."""

    blank: float
    token: float
    bias: float
    state: Hashable

    @property
    def log_prob(self) -> float:
        return _log_add(self.blank, self.token)


def beam_search(
    log_probs: NDArray[np.float32],
    *,
    beam: int = 5,
    tokens_per_frame: int = 20,
    bias: Bias | None = None,
) -> list[BeamHypothesis]:
    """Search for the most probable token sequences, summed over their alignments.

    CTC prefix beam search (Hannun et al. 2014, arXiv 1408.2873). Only the `tokens_per_frame` best
    tokens of a frame extend a prefix.

    Args:
        log_probs: (frames, vocabulary), natural logarithm.
        beam: prefixes kept after each frame.
        tokens_per_frame: tokens tried in each frame.
        bias: scores added to the CTC scores.

    Returns:
        At most `beam` hypotheses, the best first.
    """
    state = bias.start() if bias else None
    beams: dict[tuple[int, ...], _Prefix] = {(): _Prefix(0.0, -math.inf, 0.0, state)}
    n_tokens = min(tokens_per_frame, log_probs.shape[1])
    for frame in log_probs:
        best = np.argpartition(frame, -n_tokens)[-n_tokens:].tolist()
        grown: dict[tuple[int, ...], _Prefix] = {}
        for ids, prefix in beams.items():
            total = prefix.log_prob
            stay = _entry(grown, ids, prefix)
            stay.blank = _log_add(stay.blank, total + float(frame[BLANK_ID]))
            if ids:
                stay.token = _log_add(stay.token, prefix.token + float(frame[ids[-1]]))
            for token_id in best:
                if token_id == BLANK_ID:
                    continue
                # After the same token, only the part that ended in a blank begins a new one.
                source = prefix.blank if ids and token_id == ids[-1] else total
                if source == -math.inf:
                    continue
                longer = grown.get((*ids, token_id))
                if longer is None:
                    longer = _extended(prefix, token_id, bias)
                    grown[(*ids, token_id)] = longer
                longer.token = _log_add(longer.token, source + float(frame[token_id]))
        kept = sorted(grown.items(), key=lambda item: item[1].log_prob + item[1].bias)[-beam:]
        beams = dict(kept)
    ended = [
        BeamHypothesis(
            ids,
            prefix.log_prob,
            prefix.log_prob + prefix.bias + (bias.finish(prefix.state) if bias else 0.0),
        )
        for ids, prefix in beams.items()
    ]
    return sorted(ended, key=lambda hypothesis: hypothesis.score, reverse=True)


def _entry(grown: dict[tuple[int, ...], _Prefix], ids: tuple[int, ...], prefix: _Prefix) -> _Prefix:
    entry = grown.get(ids)
    if entry is None:
        entry = _Prefix(-math.inf, -math.inf, prefix.bias, prefix.state)
        grown[ids] = entry
    return entry


def _extended(prefix: _Prefix, token_id: int, bias: Bias | None) -> _Prefix:
    if bias is None:
        return _Prefix(-math.inf, -math.inf, 0.0, None)
    state, score = bias.extend(prefix.state, token_id)
    return _Prefix(-math.inf, -math.inf, prefix.bias + score, state)


def _log_add(a: float, b: float) -> float:
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))


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

    def finish(self, state: Hashable) -> float:
        """Return what an unfinished phrase pays back at the end."""
        assert isinstance(state, tuple)
        return -self._bonus * self._owed[state]
