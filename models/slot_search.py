"""The best path through token slots, given a language model; no torch is imported here.

Slots are filled without seeing each other's choice (`models.slots`). Where the network wavers
between two wordings, every slot may take its own: half of one word, half of another. An n-gram
model over target pieces knows which piece follows which, and a beam search over the likely labels
of each slot finds the path that both find probable (as for CTC in speech, Graves and Jaitly 2014).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.ctc_paths import BLANK_ID, last_written
from models.errors import CheckpointError
from models.ngram import NGRAM_FILE, NgramModel, State
from models.tokenizer import Tokenizer

_MAX_REMEMBERED = 20_000  # contexts of the language model: some 10 MB

Move = tuple["_Context", float]
Trail = tuple[int, "Trail"] | None
"""Labels of a path, newest first."""


class _Context:
    """What the language model has read, and where each piece leads from there."""

    __slots__ = ("between_words", "moves", "state")

    def __init__(self, state: State, *, between_words: bool) -> None:
        self.state = state
        self.between_words = between_words
        self.moves: dict[int, Move] = {}


class SlotSearch:
    """Finds paths; what it has looked up it remembers from one source to the next.

    A path earns the network's score of its labels, and for each piece that it writes
    `weight` · log p + `bonus`; the bonus makes up for the language model's liking for short texts.

    Args:
        language_model: over the pieces of the network's vocabulary.
        ends_word: whether a word ends with a piece, by its id.
        weight: of the language model against the network.
        bonus: natural log, for each piece.
        unfinished: natural log, taken from a path that ends within a word.
        margin: natural log; labels and paths that are so much worse than the best are dropped.
        beam: most paths that are followed at a time.
    """

    def __init__(
        self,
        language_model: NgramModel,
        ends_word: Sequence[bool],
        *,
        weight: float = 1.0,
        bonus: float = 3.0,
        unfinished: float = 5.0,
        margin: float = 8.0,
        beam: int = 8,
    ) -> None:
        self._language_model = language_model
        self._order = language_model.order
        self._ends_word = ends_word
        self._weight = weight
        self._bonus = bonus
        self._unfinished = unfinished
        self._margin = margin
        self._beam = beam
        self._contexts: dict[tuple[State, bool], _Context] = {}

    def best_path(self, scores: NDArray[np.float32], settled: Sequence[int]) -> list[int]:
        """The best label of each slot, behind a path that is settled.

        Args:
            scores: unnormalised log-probabilities, (slots, vocabulary).
            settled: labels of all slots before.
        """
        margin, beam = self._margin, self._beam
        before = settled[-1] if settled else BLANK_ID
        paths: dict[tuple[_Context, int], tuple[float, Trail]]
        paths = {(self._read(settled), before): (0.0, None)}
        for candidates in self._candidates(scores):
            longer: dict[tuple[_Context, int], tuple[float, Trail]] = {}
            for (context, last), (score, trail) in paths.items():
                moves = context.moves
                for label, gain in candidates:
                    following = context
                    value = score + gain
                    if label not in (BLANK_ID, last):
                        move = moves.get(label) or self._move(context, label)
                        following = move[0]
                        value += move[1]
                    known = longer.get((following, label))
                    if known is None or value > known[0]:
                        longer[following, label] = (value, (label, trail))
            paths = longer
            if len(paths) > 1:
                paths = _prune(paths, margin, beam)
        ends = [
            (score - (0.0 if context.between_words else self._unfinished), trail)
            for (context, _), (score, trail) in paths.items()
        ]
        _, trail = max(ends, key=lambda end: end[0])
        labels: list[int] = []
        while trail is not None:
            label, trail = trail
            labels.append(label)
        return labels[::-1]

    def _candidates(self, scores: NDArray[np.float32]) -> list[list[tuple[int, float]]]:
        """Labels of each slot that are not much worse than its best, and by how much they are."""
        n_slots, n_labels = scores.shape
        best = scores.max(axis=1, keepdims=True)
        places = np.flatnonzero(scores >= best - self._margin)
        slots, labels = np.divmod(places, n_labels)
        gains = scores[slots, labels] - best[slots, 0]
        found: list[list[tuple[int, float]]] = [[] for _ in range(n_slots)]
        for slot, label, gain in zip(slots.tolist(), labels.tolist(), gains.tolist(), strict=True):
            found[slot].append((label, gain))
        for slot, candidates in enumerate(found):
            if len(candidates) > self._beam:
                found[slot] = sorted(candidates, key=lambda c: -c[1])[: self._beam]
        return found

    def _read(self, settled: Sequence[int]) -> _Context:
        """The context behind a settled path."""
        pieces = last_written(settled, self._order)
        state = self._language_model.start(sentence=len(pieces) < self._order)
        for piece in pieces:
            state, _ = self._language_model.extend(state, piece)
        return self._context(state, between_words=not pieces or self._ends_word[pieces[-1]])

    def _move(self, context: _Context, piece: int) -> Move:
        state, log_prob = self._language_model.extend(context.state, piece)
        following = self._context(state, between_words=self._ends_word[piece])
        move = following, self._weight * log_prob + self._bonus
        context.moves[piece] = move
        return move

    def _context(self, state: State, *, between_words: bool) -> _Context:
        context = self._contexts.get((state, between_words))
        if context is None:
            if len(self._contexts) >= _MAX_REMEMBERED:
                self._contexts.clear()
            context = _Context(state, between_words=between_words)
            self._contexts[state, between_words] = context
        return context


def find_search(directory: Path, tokenizer: Tokenizer) -> SlotSearch | None:
    """The search with the language model in a checkpoint folder; None if it has none.

    Raises:
        CheckpointError: the language model is damaged, or was made for another tokeniser.
    """
    language_model = NgramModel.find(directory)
    if language_model is None:
        return None
    if language_model.vocabulary != tuple(tokenizer.pieces):
        raise CheckpointError(f"{directory / NGRAM_FILE}: was made for another tokeniser")
    return SlotSearch(language_model, tokenizer.ends_word)


def _prune(
    paths: dict[tuple[_Context, int], tuple[float, Trail]], margin: float, beam: int
) -> dict[tuple[_Context, int], tuple[float, Trail]]:
    """The best paths, if they are not much worse than the best of all."""
    least = max(path[0] for path in paths.values()) - margin
    kept = {key: path for key, path in paths.items() if path[0] >= least}
    if len(kept) > beam:
        return dict(sorted(kept.items(), key=lambda item: -item[1][0])[:beam])
    return kept
