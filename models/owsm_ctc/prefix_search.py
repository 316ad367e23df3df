"""CTC prefix beam search (Hannun et al. 2014, arXiv 1408.2873), with what a bias adds.

A hypothesis is a sequence of tokens; its probability is the sum over all paths that spell it, of
which those that end in a blank and those that end in the last token are kept apart. A frame moves
all hypotheses of the beam, and those one token longer, on at once, in arrays.
"""

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.owsm_ctc.biases import Bias
from models.owsm_ctc.geometry import BLANK_ID

_ROOT = 0
_NO_TOKEN = -1

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BeamHypothesis:
    """A token sequence and its log-probability, with and without bias."""

    token_ids: tuple[int, ...]
    log_prob: float
    score: float


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

    Only the `tokens_per_frame` best tokens of a frame extend a hypothesis. The margins, natural
    logarithms, trade exactness for speed; without them every hypothesis of the beam and every one
    of those tokens is tried.

    Args:
        log_probs: (frames, vocabulary), natural logarithm.
        beam: hypotheses kept after each frame.
        tokens_per_frame: tokens tried in each frame.
        bias: scores added to the CTC scores.
        token_margin: a token this much less probable than the best of its frame is not tried.
        beam_margin: a hypothesis that scores this much less than the best is dropped.
        skip_blank_log_prob: frames with a blank above this are taken for nothing but blank.

    Returns:
        At most `beam` hypotheses, the best first.
    """
    tree = _Tree(bias)
    hypotheses = _Hypotheses.start()
    blanks = log_probs[:, BLANK_ID].astype(np.float64)
    choices = _choices(log_probs, tokens_per_frame, token_margin)
    for frame, blank, token_ids in zip(log_probs, blanks, choices, strict=True):
        if blank > skip_blank_log_prob:
            hypotheses.wait(blank)
        else:
            hypotheses = hypotheses.grown(tree, frame, token_ids, beam, beam_margin)
    return hypotheses.ended(tree)


def _choices(
    log_probs: NDArray[np.float32], tokens_per_frame: int, margin: float
) -> Iterator[Ints]:
    """The tokens other than blank to try in each frame."""
    n_tokens = min(tokens_per_frame, log_probs.shape[1])
    best = np.argpartition(log_probs, -n_tokens, axis=1)[:, -n_tokens:]  # (frames, n_tokens)
    values = np.take_along_axis(log_probs, best, axis=1)
    least = values.max(axis=1, initial=-math.inf) - margin
    tried = (values >= least[:, None]) & (best != BLANK_ID)
    for ids, chosen in zip(best, tried, strict=True):
        yield ids[chosen]


@dataclass(slots=True)
class _Tree:
    """All token sequences that were ever in the beam: each is its parent and one more token."""

    bias: Bias | None
    parents: list[int] = field(default_factory=lambda: [_ROOT])
    tokens: list[int] = field(default_factory=lambda: [_NO_TOKEN])
    states: list[Hashable] = field(default_factory=list)
    children: dict[tuple[int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states.append(self.bias.start() if self.bias else None)

    def child(self, parent: int, token_id: int) -> int:
        """The sequence that is one token longer."""
        key = (parent, token_id)
        node = self.children.get(key)
        if node is None:
            node = self.children[key] = len(self.parents)
            self.parents.append(parent)
            self.tokens.append(token_id)
            state = self.states[parent]
            self.states.append(self.bias.extend(state, token_id)[0] if self.bias else None)
        return node

    def scores(self, nodes: list[int], token_ids: Ints) -> Reals:
        """What the bias gives to tokens behind sequences: (sequences, tokens)."""
        if self.bias is None:
            return np.zeros((len(nodes), len(token_ids)))
        rows = [self.bias.scores(self.states[node], token_ids) for node in nodes]
        return np.array(rows, dtype=np.float64)

    def finish(self, node: int) -> float:
        """What the bias adds to a sequence that ends."""
        return self.bias.finish(self.states[node]) if self.bias else 0.0

    def token_ids(self, node: int) -> tuple[int, ...]:
        """The tokens of a sequence."""
        ids: list[int] = []
        while node != _ROOT:
            ids.append(self.tokens[node])
            node = self.parents[node]
        return tuple(reversed(ids))


@dataclass(slots=True)
class _Hypotheses:
    """The beam after a frame, the best first; arrays of (hypotheses,)."""

    nodes: list[int]
    """In the tree."""
    last: Ints
    """Their last tokens."""
    blank: Reals
    """Log-probability of the paths that end in a blank, …"""
    token: Reals
    """… and of those that end in the last token."""
    bias: Reals

    @classmethod
    def start(cls) -> "_Hypotheses":
        """The empty sequence."""
        return cls([_ROOT], np.array([_NO_TOKEN]), np.zeros(1), np.array([-math.inf]), np.zeros(1))

    @property
    def total(self) -> Reals:
        """Log-probability of all paths of each."""
        return np.logaddexp(self.blank, self.token)

    def wait(self, blank: float) -> None:
        """Move on by a frame that is nothing but blank."""
        self.blank, self.token = self.total + blank, np.full_like(self.token, -math.inf)

    def grown(
        self, tree: _Tree, frame: NDArray[np.float32], token_ids: Ints, beam: int, margin: float
    ) -> "_Hypotheses":
        """The beam one frame later, of these hypotheses and of those one token longer."""
        total = self.total
        token = self.token + np.where(self.last == _NO_TOKEN, -math.inf, frame[self.last])
        # After the same token, only the part that ended in a blank begins a new one.
        repeats = token_ids == self.last[:, None]  # (hypotheses, tokens)
        sources = np.where(repeats, self.blank[:, None], total[:, None])
        longer = sources + frame[token_ids].astype(np.float64)
        self._meet(tree, token_ids, token, longer)
        longer_bias = self.bias[:, None] + tree.scores(self.nodes, token_ids)
        # First the hypotheses as they are, then the longer ones, row by row.
        blank = np.concatenate((total + frame[BLANK_ID], np.full(longer.size, -math.inf)))
        token = np.concatenate((token, longer.ravel()))
        bias = np.concatenate((self.bias, longer_bias.ravel()))
        scores = np.logaddexp(blank, token) + bias
        order = np.argsort(-scores, kind="stable")[:beam]
        order = order[(scores[order] >= scores[order[0]] - margin) & (scores[order] > -math.inf)]
        nodes = [self._node(tree, place, token_ids) for place in order.tolist()]
        last = np.array([tree.tokens[node] for node in nodes])
        return _Hypotheses(nodes, last, blank[order], token[order], bias[order])

    def ended(self, tree: _Tree) -> list[BeamHypothesis]:
        """What was found, the best first."""
        found = [
            BeamHypothesis(tree.token_ids(node), total, total + bias + tree.finish(node))
            for node, total, bias in zip(
                self.nodes, self.total.tolist(), self.bias.tolist(), strict=True
            )
        ]
        return sorted(found, key=lambda hypothesis: hypothesis.score, reverse=True)

    def _meet(self, tree: _Tree, token_ids: Ints, token: Reals, longer: Reals) -> None:
        """Add what a hypothesis grows into to the longer one where the beam holds that, too.

        Args:
            tree: of the hypotheses.
            token_ids: that are tried, (tokens,).
            token: log-probabilities of ending in the last token, (hypotheses,), added to.
            longer: those of the longer hypotheses, (hypotheses, tokens), where it is taken from.
        """
        places = {node: place for place, node in enumerate(self.nodes)}
        columns = {token_id: column for column, token_id in enumerate(token_ids.tolist())}
        for place, node in enumerate(self.nodes):
            shorter, column = places.get(tree.parents[node]), columns.get(tree.tokens[node])
            if shorter is not None and column is not None:
                token[place] = np.logaddexp(token[place], longer[shorter, column])
                longer[shorter, column] = -math.inf

    def _node(self, tree: _Tree, place: int, token_ids: Ints) -> int:
        """The node of a candidate of `grown`."""
        if place < len(self.nodes):
            return self.nodes[place]
        row, column = divmod(place - len(self.nodes), len(token_ids))
        return tree.child(self.nodes[row], int(token_ids[column]))
