"""Many tokenised texts in few arrays, cut and padded without going through them one by one."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from models.tokenizer import Tokenizer

Indices = NDArray[np.int64]


class PackedTexts:
    """Token ids of many texts in one array, and where the words of each end."""

    def __init__(self, texts: Sequence[str], tokenizer: Tokenizer) -> None:
        rows = tokenizer.encode_batch(texts)
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        self._ids = np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=int(lengths.sum()))
        self._starts = np.cumsum(lengths) - lengths
        self._word_ends = np.flatnonzero(np.asarray(tokenizer.ends_word)[self._ids]) + 1
        self._first_word = np.searchsorted(self._word_ends, self._starts, side="right")
        ends = np.searchsorted(self._word_ends, self._starts + lengths, side="right")
        self.n_words: Indices = ends - self._first_word
        """Words of each text, (texts,)."""

    def __len__(self) -> int:
        """Number of texts."""
        return len(self._starts)

    def n_tokens(self, index: Indices, n_words: Indices) -> Indices:
        """How many tokens the first words of texts have."""
        last = self._first_word[index] + n_words - 1
        tokens: Indices = self._word_ends[last.clip(min=0)] - self._starts[index]
        return np.where(n_words > 0, tokens, 0)

    def copy(
        self, into: NDArray[np.int64], index: Indices, column: Indices | int, length: Indices
    ) -> None:
        """Copy the first tokens of texts into the rows of a matrix, from a column of each on."""
        total = int(length.sum())
        row = np.repeat(np.arange(len(index)), length)
        step = np.arange(total) - np.repeat(np.cumsum(length) - length, length)
        begins = np.broadcast_to(column, length.shape)
        into[row, begins[row] + step] = self._ids[self._starts[index][row] + step]


def in_groups(width: Indices, batch_tokens: int) -> Iterator[slice]:
    """Cut rows, narrowest first, into batches of at most `batch_tokens`, padding included."""
    start = 0
    while start < len(width):
        stop = min(len(width), start + max(1, batch_tokens // int(width[start])))
        stop = min(stop, start + max(1, batch_tokens // int(width[stop - 1])))
        yield slice(start, stop)
        start = stop
