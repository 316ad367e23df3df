"""An n-gram language model over subword pieces, made for beam search.

A recogniser's makes what it hears a sentence; FReTNA's, words of the pieces in its slots.

The n-grams form a tree: a node is an n-gram, its children are the n-grams that are one piece
longer. Nodes are numbered level by level, those of one parent side by side in the order of their
pieces, so that four arrays hold everything: piece, log-probability, and for nodes that are not of
the last level the weight of backing off and the number of children. A bisection finds a child.
`models.training.ngram` makes the model.

Pieces have the ids of the sentencepiece model: 0 `<unk>`, 1 `<s>`, 2 `</s>`, then text.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from models.errors import CheckpointError

NGRAM_FILE = "ngram.safetensors"
"""Name of the file in a checkpoint folder."""

ROOT = 0
"""The node of the empty n-gram."""

START = 1
"""The id that is only ever the first piece of an n-gram. A recogniser's `<s>`; a translator's
`<unk>`, which its text never has, since bytes stand for what is no piece."""

_KIND = "ngram"
_LIMITS = "{}.limits"
_N_STEPS = 255
_MARK = re.compile("<.+>")
_MAX_REMEMBERED = 8_000  # look-ups kept: some 2 MB
_MAX_ROWS = 1_500  # states whose scores of all tokens are kept: some 2 MB

State = tuple[int, ...]
"""Nodes of the longest known n-gram that the last pieces form, of the next shorter one, … , and
the root; only nodes with children."""


@dataclass(frozen=True, slots=True)
class NgramTables:
    """The tree of n-grams; the root is node 0 and belongs to no level.

    Attributes:
        pieces: (nodes,) uint16, last piece of the n-gram; the root's means nothing.
        log_probs: (nodes,) natural logarithm of the piece's probability after those before it.
        backoffs: (inner nodes,) what is added to the log-probability given the n-gram without its
            first piece when the n-gram has no such child.
        n_children: (inner nodes,) uint16.
    """

    pieces: NDArray[np.uint16]
    log_probs: NDArray[np.floating]
    backoffs: NDArray[np.floating]
    n_children: NDArray[np.uint16]


class NgramModel:
    """Probabilities of the next piece after any others.

    Args:
        tables: the n-grams; every piece has a node below the root.
        vocabulary: the piece of each id, as sentencepiece writes it.
    """

    def __init__(self, tables: NgramTables, vocabulary: Sequence[str]) -> None:
        self.vocabulary = tuple(vocabulary)
        self.tables = tables
        first_children: NDArray[np.int64] = (
            np.cumsum(tables.n_children, dtype=np.int64) - tables.n_children + 1
        )
        # Views that give Python numbers: bisecting them is several times faster than arrays.
        self._pieces = np.ascontiguousarray(tables.pieces).data
        self._log_probs = tables.log_probs.astype(np.float32).data
        self._backoffs = tables.backoffs.astype(np.float32).data
        self._n_children = np.ascontiguousarray(tables.n_children).data
        self._first_children = first_children.data

    @classmethod
    def load(cls, path: Path) -> "NgramModel":
        """Read what `save` wrote.

        Raises:
            CheckpointError: the file is missing, damaged, or of another kind.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                facts = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except FileNotFoundError as error:
            raise CheckpointError(f"{path}: is missing") from error
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{path}: damaged or truncated ({error})") from error
        vocabulary = json.loads(facts.get("vocabulary", "[]"))
        try:
            tables = NgramTables(
                pieces=arrays["pieces"],
                log_probs=_read_coarse(arrays, "log_probs"),
                backoffs=_read_coarse(arrays, "backoffs"),
                n_children=arrays["n_children"],
            )
        except KeyError:
            raise CheckpointError(f"{path}: not an n-gram language model") from None
        if facts.get("kind") != _KIND or not _fits(tables, len(vocabulary)):
            raise CheckpointError(f"{path}: not an n-gram language model")
        return cls(tables, vocabulary)

    @classmethod
    def find(cls, directory: Path) -> "NgramModel | None":
        """The language model in a checkpoint folder; None if there is none.

        Raises:
            CheckpointError: the file is damaged.
        """
        path = directory / NGRAM_FILE
        return cls.load(path) if path.exists() else None

    def save(self, path: Path) -> None:
        """Write one file, with probabilities in eight bits."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {
            "pieces": self.tables.pieces,
            **_coarse("log_probs", self.tables.log_probs),
            **_coarse("backoffs", self.tables.backoffs),
            "n_children": self.tables.n_children,
        }
        vocabulary = json.dumps(self.vocabulary, ensure_ascii=False)
        save_file(arrays, path, metadata={"kind": _KIND, "vocabulary": vocabulary})

    @property
    def order(self) -> int:
        """Pieces of the longest n-grams."""
        node, order = ROOT, 0
        while node < len(self._n_children):
            node, order = self._first_children[node], order + 1
        return order

    def start(self, *, sentence: bool = False) -> State:
        """The state before the first piece: of a sentence, or anywhere in a text."""
        return self._state((ROOT,), START)[0] if sentence else (ROOT,)

    def extend(self, state: State, piece: int) -> tuple[State, float]:
        """The state after a piece, and the natural logarithm of the piece's probability."""
        return self._state(state, piece)

    def log_probs(self, state: State) -> NDArray[np.float32]:
        """The natural logarithm of every piece's probability after a state: (vocabulary,)."""
        n_pieces = len(self.vocabulary)
        scores = np.array(self._log_probs[1 : n_pieces + 1], dtype=np.float32)
        for node in reversed(state[:-1]):  # from the shorter n-grams, behind the root, on
            first = self._first_children[node]
            children = slice(first, first + self._n_children[node])
            scores += self._backoffs[node]
            scores[np.asarray(self._pieces[children])] = self._log_probs[children]
        return scores

    def _state(self, state: State, piece: int) -> tuple[State, float]:
        pieces, n_children, n_inner = self._pieces, self._n_children, len(self._n_children)
        longer: list[int] = []
        log_prob: float | None = None
        skipped = 0.0
        for node in state:
            child = piece + 1  # of the root, which has all pieces
            if node != ROOT:
                first = self._first_children[node]
                last = first + n_children[node]
                child = bisect_left(pieces, piece, first, last)
                if child == last or pieces[child] != piece:
                    # What an n-gram lacks, all that are longer lack too: none was found so far.
                    skipped += self._backoffs[node]
                    continue
            if log_prob is None:
                log_prob = skipped + self._log_probs[child]
            if child < n_inner and n_children[child]:
                longer.append(child)
        assert log_prob is not None, "every state ends with the root"
        longer.append(ROOT)
        return tuple(longer), log_prob


class NgramBias:
    """A language model's share in a beam search (the `Bias` of `models.owsm_ctc.biases`).

    A piece earns `weight` · log p + `bonus`; the bonus makes up for the language model's
    liking for short texts. Marks such as `<eng>` earn nothing.

    Args:
        model: the language model.
        tokens: the recogniser's vocabulary.
        weight: of the language model against the acoustic one.
        bonus: natural log, for each piece.
        sentence: whether what is heard begins like a sentence.

    Raises:
        CheckpointError: the language model lacks pieces of the vocabulary.
    """

    def __init__(
        self,
        model: NgramModel,
        tokens: Sequence[str],
        *,
        weight: float,
        bonus: float,
        sentence: bool = False,
    ) -> None:
        pieces = {piece: i for i, piece in enumerate(model.vocabulary) if i > START + 1}
        lacking = [t for t in tokens if t not in pieces and not _MARK.fullmatch(t)]
        if lacking:
            raise CheckpointError(
                f"the language model was made for another tokeniser: it lacks {len(lacking)} of "
                f"the recogniser's pieces, such as {lacking[0]!r}"
            )
        self._model = model
        self._pieces = [pieces.get(token) for token in tokens]
        self._weight = weight
        self._bonus = bonus
        self._start = model.start(sentence=sentence)
        self._known: dict[tuple[State, int], tuple[State, float]] = {}
        # As arrays: the piece of each token, and which tokens are no marks.
        self._places = np.array([piece or 0 for piece in self._pieces])
        self._earns = np.array([piece is not None for piece in self._pieces])
        self._rows: dict[State, NDArray[np.float32]] = {}

    def start(self) -> State:
        """Return the state before the first token."""
        return self._start

    def scores(self, state: Hashable, token_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores (natural log) that tokens earn, (tokens,)."""
        assert isinstance(state, tuple)
        row = self._rows.get(state)
        if row is None:
            if len(self._rows) >= _MAX_ROWS:
                self._rows.clear()
            log_probs = self._model.log_probs(state)[self._places]
            row = np.where(self._earns, self._weight * log_probs + self._bonus, np.float32(0.0))
            self._rows[state] = row
        chosen: NDArray[np.float32] = row[token_ids]
        return chosen

    def extend(self, state: Hashable, token_id: int) -> tuple[State, float]:
        """Return the state after a token and the score (natural log) that the token earns."""
        assert isinstance(state, tuple)
        found = self._known.get((state, token_id))
        if found is not None:
            return found
        piece = self._pieces[token_id]
        if piece is None:
            return state, 0.0
        longer, log_prob = self._model.extend(state, piece)
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        found = (longer, self._weight * log_prob + self._bonus)
        self._known[state, token_id] = found
        return found

    def finish(self, state: Hashable) -> float:
        """Return 0: what is heard may go on, so that no end is scored."""
        return 0.0


def _coarse(name: str, values: NDArray[np.floating]) -> dict[str, NDArray[np.generic]]:
    """Values in 255 equal steps from the least to the greatest, and those two; −∞ is the least."""
    finite = values[np.isfinite(values)]
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    steps = (values.clip(low) - low) * (_N_STEPS / ((high - low) or 1.0))
    limits = np.array([low, high], dtype=np.float32)
    return {name: steps.round().astype(np.uint8), _LIMITS.format(name): limits}


def _read_coarse(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.floating]:
    """What `_coarse` wrote; half precision, as earlier files have it, is taken as it is."""
    values, limits = arrays[name], arrays.get(_LIMITS.format(name))
    if limits is None:
        return values
    low, high = limits.tolist()
    read: NDArray[np.floating] = (low + values * ((high - low) / _N_STEPS)).astype(np.float32)
    return read


def _fits(tables: NgramTables, n_pieces: int) -> bool:
    """Whether the arrays are those of a tree over the pieces."""
    n_nodes, n_inner = len(tables.pieces), len(tables.n_children)
    return (
        n_pieces > START
        and len(tables.log_probs) == n_nodes
        and len(tables.backoffs) == n_inner >= 1
        and int(tables.n_children[0]) == n_pieces
        and int(tables.n_children.sum(dtype=np.int64)) == n_nodes - 1
        and tables.pieces.dtype == tables.n_children.dtype == np.uint16
        and np.array_equal(tables.pieces[1 : n_pieces + 1], np.arange(n_pieces))
    )
