"""Training of the n-gram language model: interpolated modified Kneser-Ney with a count cut-off.

Chen and Goodman 1998, "An Empirical Study of Smoothing Techniques for Language Modeling". Counts
of all orders but the highest are numbers of different pieces in front (continuation counts),
except for n-grams that begin a sentence. Rare n-grams of high order are left out of the model
but not out of the counts; their probability goes to the backing off, so that all still sums to
one. Ends of sentences are not modelled: a recogniser's window may end anywhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.ngram import START, NgramModel, NgramTables

_UNPREDICTED = [START, START + 1]  # <s> and </s>
_N_UNPREDICTED = len(_UNPREDICTED)

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Kept = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Order:
    """The different n-grams of one length, sorted by the n-gram in front and the last piece."""

    parents: Ints
    """Index of the n-gram without its last piece, among those one piece shorter."""
    pieces: Ints
    suffixes: Ints
    """Index of the n-gram without its first piece, among the same."""
    counts: Ints
    continuations: Ints
    """Different pieces in front, or the count where nothing can stand in front."""


def train_ngram(
    sentences: Iterable[Sequence[int]],
    vocabulary: Sequence[str],
    *,
    min_counts: Sequence[int] = (1, 1, 1, 2, 2, 3, 3),
) -> NgramModel:
    """Train on sentences.

    Args:
        sentences: ids of sentencepiece's pieces, without `<s>` and `</s>`.
        vocabulary: the piece of each id.
        min_counts: for each n-gram length from 1, how often an n-gram must occur to be kept;
            their number is the order of the model. Single pieces are always kept.

    Raises:
        ValueError: there is no text, or the counts decrease with the length.
    """
    if list(min_counts) != sorted(min_counts) or not min_counts:
        raise ValueError(f"min_counts {tuple(min_counts)} must not decrease")
    text = _join(sentences)
    orders = _count(text, len(vocabulary), len(min_counts))
    kept = [order.counts >= least for order, least in zip(orders, min_counts, strict=True)]
    kept[0] = np.ones(len(vocabulary), dtype=bool)
    log_probs, backoffs = _estimate(orders, kept, len(vocabulary))
    n_children = [
        np.bincount(below.parents[keep], minlength=len(order.pieces))[inner]
        for order, inner, below, keep in zip(orders, kept, orders[1:], kept[1:], strict=False)
    ]
    pieces = [order.pieces[keep] for order, keep in zip(orders, kept, strict=True)]
    tables = NgramTables(
        pieces=np.concatenate(([0], *pieces)).astype(np.uint16),
        log_probs=np.concatenate(([0.0], *log_probs)),
        backoffs=np.concatenate(([0.0], *backoffs)),
        n_children=np.concatenate(([len(vocabulary)], *n_children)).astype(np.uint16),
    )
    return NgramModel(tables, vocabulary)


def _join(sentences: Iterable[Sequence[int]]) -> Ints:
    """All sentences in one row, each behind its `<s>`."""
    parts: list[NDArray[np.uint16]] = []
    for sentence in sentences:
        if sentence:
            parts.append(np.array((START, *sentence), dtype=np.uint16))
    if not parts:
        raise ValueError("there is no text to train a language model on")
    return np.concatenate(parts).astype(np.int64)


def _count(text: Ints, n_pieces: int, n_orders: int) -> list[_Order]:
    """Count the n-grams of each length that lie within a sentence."""
    counts = np.bincount(text, minlength=n_pieces)
    pieces, nothing = np.arange(n_pieces), np.zeros(n_pieces, np.int64)
    orders = [_Order(nothing, pieces, nothing, counts, np.where(pieces == START, 0, counts))]
    is_start = text == START
    places = np.arange(len(text))  # where an n-gram of the present length begins
    ids = text  # of the n-gram at each of these places
    for length in range(2, n_orders + 1):
        ends = places + length - 1
        inside = ends < len(text)
        inside[inside] = ~is_start[ends[inside]]
        shorter_at = np.full(len(text), -1)
        shorter_at[places] = ids
        places, keys = places[inside], ids[inside] * n_pieces + text[ends[inside]]
        unique, first, ids, counts = np.unique(
            keys, return_index=True, return_inverse=True, return_counts=True
        )
        suffixes = shorter_at[places[first] + 1]
        # An n-gram gains one different piece in front by each longer one that ends in it.
        in_front = np.bincount(suffixes, minlength=len(orders[-1].pieces))
        np.copyto(orders[-1].continuations, in_front, where=in_front > 0)
        orders.append(
            _Order(unique // n_pieces, unique % n_pieces, suffixes, counts, counts.copy())
        )
    return orders


def _estimate(
    orders: list[_Order], kept: list[Kept], n_pieces: int
) -> tuple[list[Reals], list[Reals]]:
    """Log-probabilities of the kept n-grams of each order, and what backing off from them adds."""
    probabilities: Reals = np.full(n_pieces, 1 / (n_pieces - _N_UNPREDICTED))
    log_probs: list[Reals] = []
    backoffs: list[Reals] = []
    for order, keep in zip(orders, kept, strict=True):
        counts = order.continuations
        n_parents = len(backoffs[-1]) if backoffs else 1  # the empty n-gram
        totals = np.maximum(np.bincount(order.parents, counts, minlength=n_parents), 1.0)
        shares = keep * (counts - _discounts(counts)[np.minimum(counts, 3)])
        shares = shares / totals[order.parents]
        weights = 1.0 - np.bincount(order.parents, shares, minlength=n_parents)
        # The n-gram without its first piece is among the shorter ones that were just estimated.
        probabilities = shares + weights[order.parents] * probabilities[order.suffixes]
        if log_probs:
            backoffs[-1] = np.log(weights)
        else:
            probabilities[_UNPREDICTED] = 0.0
        with np.errstate(divide="ignore"):  # of <s> and </s>, which are never predicted
            log_probs.append(np.log(probabilities))
        backoffs.append(np.zeros(len(counts)))
    return (
        [values[keep] for values, keep in zip(log_probs, kept, strict=True)],
        [values[keep] for values, keep in zip(backoffs[:-1], kept, strict=False)],
    )


def _discounts(counts: Ints) -> Reals:
    """What is taken off a count of 0, 1, 2, and 3 or more (Chen and Goodman, equation 26)."""
    n = np.bincount(np.minimum(counts, 5), minlength=6).astype(np.float64)
    if not n[1:5].all():  # a toy text has no such statistics
        return np.array([0.0, 0.5, 0.75, 1.0])
    y = n[1] / (n[1] + 2 * n[2])
    discounts = [c - (c + 1) * y * n[c + 1] / n[c] for c in (1, 2, 3)]
    return np.array([0.0, *np.clip(discounts, 0.1, (0.9, 1.8, 2.7))])
