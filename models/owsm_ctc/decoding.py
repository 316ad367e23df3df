"""CTC decoding: greedy with token times, and prefix beam search with optional bias.

Times count from the first sample of the audio. Encoder frame i (after the two prefix frames)
is centred at 80·i + 70 ms and stands for the 80 ms around that.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from models.owsm_ctc.geometry import BLANK_ID

if TYPE_CHECKING:
    from torch import Tensor  # not imported: exported networks are searched without torch

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


def greedy_runs(log_probs: "Tensor") -> list[Run]:
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


class _Prefix:
    """A growing hypothesis.

    `blank` and `token` are the log-probabilities of ending in a blank and in the last token after
    the present frame, `next_blank` and `next_token` those after the next one, as far as summed.
    The prefixes one token longer hang below, so that none is looked up by all its tokens, and none
    is scored by the bias a second time.
    """

    __slots__ = (
        "bias", "blank", "children", "ids", "next_blank", "next_token", "score", "state",
        "token", "total",
    )  # fmt: skip

    def __init__(self, ids: tuple[int, ...], bias: float, state: Hashable) -> None:
        self.ids = ids
        self.bias = bias
        self.state = state
        self.children: dict[int, _Prefix] = {}
        self.blank = self.token = self.total = -math.inf
        self.next_blank = self.next_token = -math.inf
        self.score = -math.inf

    def end_frame(self) -> None:
        """Make the next frame the present one."""
        self.blank, self.token = self.next_blank, self.next_token
        self.total = _log_add(self.blank, self.token)
        self.score = self.total + self.bias
        self.next_blank = self.next_token = -math.inf


def beam_search(
    log_probs: NDArray[np.float32],
    *,
    beam: int = 5,
    tokens_per_frame: int = 20,
    bias: Bias | None = None,
    token_margin: float = math.inf,
    beam_margin: float = math.inf,
    skip_blank_log_prob: float = math.inf,
) -> list[BeamHypothesis]:
    """Search for the most probable token sequences, summed over their alignments.

    CTC prefix beam search (Hannun et al. 2014, arXiv 1408.2873). Only the `tokens_per_frame` best
    tokens of a frame extend a prefix. The margins, natural logarithms, trade exactness for speed;
    without them every prefix of the beam and every one of those tokens is tried.

    Args:
        log_probs: (frames, vocabulary), natural logarithm.
        beam: prefixes kept after each frame.
        tokens_per_frame: tokens tried in each frame.
        bias: scores added to the CTC scores.
        token_margin: a token this much less probable than the best of its frame is not tried.
        beam_margin: a prefix that scores this much less than the best is dropped.
        skip_blank_log_prob: frames with a blank above this are taken for nothing but blank.

    Returns:
        At most `beam` hypotheses, the best first.
    """
    root = _Prefix((), 0.0, bias.start() if bias else None)
    root.next_blank = 0.0
    root.end_frame()
    beams = [root]
    blanks: list[float] = log_probs[:, BLANK_ID].tolist()
    choices = _choices(log_probs, tokens_per_frame, token_margin)
    for frame, (blank, tokens) in enumerate(zip(blanks, choices, strict=True)):
        if blank > skip_blank_log_prob:
            for prefix in beams:
                prefix.next_blank = prefix.total + blank
                prefix.end_frame()
            continue
        grown = _grow(beams, blank, tokens, log_probs[frame], bias)
        grown.sort(key=_score, reverse=True)
        least = grown[0].score - beam_margin
        beams = [prefix for prefix in grown[:beam] if prefix.score >= least]
    ended = [
        BeamHypothesis(
            prefix.ids,
            prefix.total,
            prefix.score + (bias.finish(prefix.state) if bias else 0.0),
        )
        for prefix in beams
    ]
    return sorted(ended, key=lambda hypothesis: hypothesis.score, reverse=True)


def _choices(
    log_probs: NDArray[np.float32], tokens_per_frame: int, margin: float
) -> list[list[tuple[int, float]]]:
    """The tokens other than blank to try in each frame, with their log-probabilities."""
    n_tokens = min(tokens_per_frame, log_probs.shape[1])
    best = np.argpartition(log_probs, -n_tokens, axis=1)[:, -n_tokens:]  # (frames, n_tokens)
    values = np.take_along_axis(log_probs, best, axis=1)
    least = values.max(axis=1, initial=-math.inf) - margin
    rows = zip(best.tolist(), values.tolist(), least.tolist(), strict=True)
    return [
        [
            (token_id, value)
            for token_id, value in zip(ids, scores, strict=True)
            if value >= lowest and token_id != BLANK_ID
        ]
        for ids, scores, lowest in rows
    ]


def _grow(
    beams: Sequence[_Prefix],
    blank: float,
    tokens: Sequence[tuple[int, float]],
    frame: NDArray[np.float32],
    bias: Bias | None,
) -> list[_Prefix]:
    """Move all prefixes of the beam, and those one token longer, on by one frame."""
    grown: dict[_Prefix, None] = dict.fromkeys(beams)
    for prefix in beams:
        total, last = prefix.total, prefix.ids[-1] if prefix.ids else None
        prefix.next_blank = total + blank
        if last is not None:
            prefix.next_token = _log_add(prefix.next_token, prefix.token + float(frame[last]))
        for token_id, value in tokens:
            # After the same token, only the part that ended in a blank begins a new one.
            source = prefix.blank if token_id == last else total
            if source == -math.inf:
                continue
            longer = prefix.children.get(token_id)
            if longer is None:
                longer = _extended(prefix, token_id, bias)
                prefix.children[token_id] = longer
            longer.next_token = _log_add(longer.next_token, source + value)
            grown[longer] = None
    for prefix in grown:
        prefix.end_frame()
    return list(grown)


def _extended(prefix: _Prefix, token_id: int, bias: Bias | None) -> _Prefix:
    if bias is None:
        return _Prefix((*prefix.ids, token_id), 0.0, None)
    state, score = bias.extend(prefix.state, token_id)
    return _Prefix((*prefix.ids, token_id), prefix.bias + score, state)


def _score(prefix: _Prefix) -> float:
    return prefix.score


def _log_add(a: float, b: float) -> float:
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))


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

    def finish(self, state: Hashable) -> float:
        """Return what an unfinished phrase pays back at the end."""
        assert isinstance(state, tuple)
        return -self._bonus * self._owed[state]
