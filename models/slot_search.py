"""The best path through token slots, given a language model; no torch is imported here.

Slots are filled without seeing each other's choice (`models.slots`). Where the network wavers
between two wordings, every slot may take its own: half of one word, half of another. An n-gram
model over target pieces knows which piece follows which, and a beam search over the likely labels
of each slot finds the path that both find probable (as for CTC in speech, Graves and Jaitly 2014).

To the language model, a piece that goes on with a word is another piece than the same one at the
beginning of a word: so the endings of words, which are frequent, are no likely words themselves.
"""

import math
import threading
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.ctc_paths import BLANK_ID, last_written
from models.errors import CheckpointError
from models.ngram import NGRAM_FILE, NgramModel, State
from models.tokenizer import Tokenizer

N_LIKELY = 8
"""Labels that are looked at in each slot."""

_GOES_ON = "…"
_MAX_REMEMBERED = 10_000  # ends of paths, and where each led: some 9 MB

Move = tuple["_Node", float]
"""Where a label leads, and what it earns."""
Trail = tuple[int, "Trail"] | None
"""Labels of a path, newest first."""
_SCORE = itemgetter(1)


def place_pieces(tokens: Sequence[int], ends_word: Sequence[bool]) -> list[int]:
    """What tokens are to the language model: behind the vocabulary if they go on with a word.

    Args:
        tokens: from the beginning of a word on.
        ends_word: whether a word ends with a token, by its id.
    """
    between_words = True
    pieces: list[int] = []
    for token in tokens:
        pieces.append(token if between_words else token + len(ends_word))
        between_words = ends_word[token]
    return pieces


def placed_vocabulary(pieces: Sequence[str]) -> list[str]:
    """The language model's vocabulary, given the tokeniser's."""
    return [*pieces, *(_GOES_ON + piece for piece in pieces)]


def spread_logits(
    logits: NDArray[np.float32], labels: NDArray[np.int64], vocab_size: int
) -> NDArray[np.float32]:
    """Logits of all labels, (slots, vocabulary), given those of some, (slots, some).

    The others are as unlikely as the least likely one.
    """
    spread = np.repeat(logits.min(axis=1, keepdims=True), vocab_size, axis=1)
    spread[:, labels] = logits
    return spread


class Slots(NamedTuple):
    """What a network says of slots: their likely labels, best first."""

    labels: NDArray[np.int64]
    """(slots, `N_LIKELY`)."""
    scores: NDArray[np.float32]
    """Their logits."""

    def behind(self, n: int) -> "Slots":
        """All but the first n slots."""
        return Slots(self.labels[n:], self.scores[n:])


class _Node:
    """The end of a path: what the language model has read, the last label, and where others lead.

    Paths that end in the same node go on alike.
    """

    __slots__ = ("between_words", "last", "moves", "state")

    def __init__(self, state: State, last: int, *, between_words: bool) -> None:
        self.state = state
        self.last = last
        self.between_words = between_words
        self.moves: dict[int, Move] = {}


class SlotSearch:
    """Finds paths; what it has looked up it remembers from one source to the next.

    Streams may share it: threads that search at the same time do so one after the other.

    A path earns the network's score of its labels, and for each piece that it writes
    `weight` · log p + `bonus`; the bonus makes up for the language model's liking for short texts.

    Args:
        language_model: over placed pieces (`place_pieces`) of the network's vocabulary.
        ends_word: whether a word ends with a piece, by its id.
        weight: of the language model against the network.
        bonus: natural log, for each piece.
        unfinished: natural log, taken from a path that ends within a word.
        margin: natural log; labels that are so much less likely than the best are not looked at.
        spread: natural log; paths that are so much worse than the best are dropped.
        beam: most paths that are followed at a time.
    """

    def __init__(
        self,
        language_model: NgramModel,
        ends_word: Sequence[bool],
        *,
        weight: float = 0.8,
        bonus: float = 3.2,
        unfinished: float = 5.0,
        margin: float = 6.0,
        spread: float = 6.0,
        beam: int = 8,
    ) -> None:
        self._language_model = language_model
        self._order = language_model.order
        self._ends_word = ends_word
        self._weight = weight
        self._bonus = bonus
        self._unfinished = unfinished
        self._margin = margin
        self._spread = spread
        self._beam = beam
        self._nodes: dict[tuple[State, int, bool], _Node] = {}
        self._lock = threading.Lock()

    def best_path(self, slots: Slots, settled: Sequence[int]) -> list[int]:
        """The best label of each slot, behind a path that is settled.

        Args:
            slots: their likely labels.
            settled: labels of all slots before.
        """
        with self._lock:
            self._forget()
            return self._search(slots, settled)

    def _search(self, slots: Slots, settled: Sequence[int]) -> list[int]:
        most = max(self._bonus, 0.0)  # a piece earns
        worse = slots.scores - slots.scores[:, :1]  # than the likeliest label
        n_labels = (worse >= -self._margin).sum(axis=1).tolist()
        paths: list[tuple[_Node, float, Trail]] = [(self._read(settled), 0.0, None)]
        for labels, gains, n in zip(slots.labels.tolist(), worse.tolist(), n_labels, strict=True):
            choices = list(zip(labels[:n], gains, strict=False))
            longer: dict[_Node, tuple[float, Trail]] = {}
            least = -math.inf  # that a path has to reach
            for node, score, trail in paths:
                moves = node.moves
                for label, gain in choices:
                    value = score + gain
                    if value + most < least:
                        break  # all others are less likely still
                    following, earned = moves.get(label) or self._move(node, label)
                    value += earned
                    if value < least:
                        continue
                    known = longer.get(following)
                    if known is None or value > known[0]:
                        longer[following] = (value, trail)
                        if value - self._spread > least:
                            least = value - self._spread
            paths = [
                (node, value, (node.last, trail))
                for node, (value, trail) in longer.items()
                if value >= least
            ]
            if len(paths) > 1:
                paths.sort(key=_SCORE, reverse=True)
                del paths[self._beam :]
        _, _, trail = max(
            paths, key=lambda p: p[1] if p[0].between_words else p[1] - self._unfinished
        )
        return _unroll(trail)

    def _read(self, settled: Sequence[int]) -> _Node:
        """The end of a settled path."""
        tokens = last_written(settled, self._order + 1)
        state = self._language_model.start(sentence=len(tokens) < self._order)
        between_words = True
        if len(tokens) > self._order:  # whether a word begins with the first, one cannot tell
            between_words = self._ends_word[tokens.pop(0)]
        node = self._node(state, BLANK_ID, between_words=between_words)
        for token in tokens:
            for label in (BLANK_ID, token):  # a repetition without a blank would not be read
                node, _ = node.moves.get(label) or self._move(node, label)
        if settled and settled[-1] == BLANK_ID:
            node, _ = node.moves.get(BLANK_ID) or self._move(node, BLANK_ID)
        return node

    def _move(self, node: _Node, label: int) -> Move:
        if label in (BLANK_ID, node.last):
            move = self._node(node.state, label, between_words=node.between_words), 0.0
        elif node.last != BLANK_ID:  # behind a blank it would lead to the same
            rested, _ = node.moves.get(BLANK_ID) or self._move(node, BLANK_ID)
            move = rested.moves.get(label) or self._move(rested, label)
        else:
            piece = label if node.between_words else label + len(self._ends_word)
            state, log_prob = self._language_model.extend(node.state, piece)
            following = self._node(state, label, between_words=self._ends_word[label])
            move = following, self._weight * log_prob + self._bonus
        node.moves[label] = move
        return move

    def _node(self, state: State, last: int, *, between_words: bool) -> _Node:
        key = state, last, between_words
        node = self._nodes.get(key)
        if node is None:
            node = self._nodes[key] = _Node(state, last, between_words=between_words)
        return node

    def _forget(self) -> None:
        """Free what was looked up, if it is much.

        Between two searches only: within one, it tells which paths meet.
        """
        if len(self._nodes) >= _MAX_REMEMBERED:
            for old in self._nodes.values():
                old.moves.clear()  # they lead to one another: so they are freed at once
            self._nodes.clear()


def find_search(directory: Path, tokenizer: Tokenizer) -> SlotSearch | None:
    """The search with the language model in a checkpoint folder; None if it has none.

    Raises:
        CheckpointError: the language model is damaged, or was made for another tokeniser.
    """
    language_model = NgramModel.find(directory)
    if language_model is None:
        return None
    if language_model.vocabulary != tuple(placed_vocabulary(tokenizer.pieces)):
        raise CheckpointError(f"{directory / NGRAM_FILE}: was made for another tokeniser")
    return SlotSearch(language_model, tokenizer.ends_word)


def _unroll(trail: Trail) -> list[int]:
    labels: list[int] = []
    while trail is not None:
        label, trail = trail
        labels.append(label)
    return labels[::-1]
