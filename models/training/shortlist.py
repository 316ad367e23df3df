"""Making a lexical shortlist of parallel text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.ctc_paths import BLANK_ID
from models.shortlist import Shortlist
from models.tokenizer import Tokenizer
from models.training.translation_data import Pair
from models.transcript import normalize_transcript

Tokens = Sequence[Sequence[int]]

_LONGEST = 60
"""Tokens of a sentence that alignment still tells something about."""
_FEWEST = 0.1
"""Expected count below which a target token is taken to have come by chance."""


@dataclass(frozen=True, slots=True)
class TranslationTable:
    """How often which target token came of which source token: entries, sorted by source token."""

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    counts: NDArray[np.float64]
    """Expected number of times."""


def shortlist_of_pairs(pairs: Sequence[Pair], tokenizer: Tokenizer, source_lang: str) -> Shortlist:
    """The shortlist of parallel text, for sources as they are written and as they are recognised.

    Raises:
        ValueError: there are no pairs.
    """
    written = [source for source, _ in pairs]
    spoken = [normalize_transcript(source, source_lang) for source in written]
    sources = tokenizer.encode_batch(written + spoken)
    targets = 2 * tokenizer.encode_batch([target for _, target in pairs])
    usable = [
        (source, target)
        for source, target in zip(sources, targets, strict=True)
        if source and target and max(len(source), len(target)) <= _LONGEST
    ]
    if not usable:
        raise ValueError("no pairs to make a shortlist of")
    return make_shortlist(
        [source for source, _ in usable], [target for _, target in usable], tokenizer.vocab_size
    )


def make_shortlist(
    sources: Tokens, targets: Tokens, vocab_size: int, *, n_common: int = 200, n_labels: int = 40
) -> Shortlist:
    """The likeliest target tokens of each source token.

    Args:
        sources: source tokens of each pair.
        targets: its target tokens.
        vocab_size: of both.
        n_common: the most frequent target tokens, which are always looked at.
        n_labels: of each source token, at most.
    """
    frequencies = np.bincount(np.concatenate(targets), minlength=vocab_size)
    common = np.union1d(np.argsort(-frequencies, kind="stable")[:n_common], [BLANK_ID])
    table = align(sources, targets, vocab_size)
    order = np.lexsort((-table.counts, table.source))
    source, target, counts = table.source[order], table.target[order], table.counts[order]
    first = np.searchsorted(source, np.arange(vocab_size))
    rank = np.arange(len(source)) - first[source]
    kept = (rank < n_labels) & (counts >= _FEWEST)
    return Shortlist(
        common.astype(np.uint16),
        target[kept].astype(np.uint16),
        np.cumsum(np.bincount(source[kept], minlength=vocab_size)).astype(np.uint32),
    )


def align(
    sources: Tokens, targets: Tokens, vocab_size: int, n_iterations: int = 5
) -> TranslationTable:
    """IBM Model 1 (Brown et al. 1993): every target token comes of one token of its source.

    Or of none: what comes of none is left out of the table.
    """
    nothing = vocab_size
    cells, positions, n_positions = [], [], 0
    for source, target in zip(sources, targets, strict=True):
        tokens = np.array([*source, nothing]) * vocab_size
        cells.append((tokens[:, None] + np.array(target, np.int64)).ravel())
        places = np.arange(n_positions, n_positions + len(target))
        positions.append(np.tile(places, len(tokens)))
        n_positions += len(target)
    entries, entry = np.unique(np.concatenate(cells), return_inverse=True)
    position = np.concatenate(positions)
    source_of = entries // vocab_size
    probability = np.ones(len(entries))
    for _ in range(n_iterations):
        share = probability[entry]
        share /= np.bincount(position, share)[position]
        counts = np.bincount(entry, share)
        probability = counts / np.bincount(source_of, counts)[source_of]
    known = source_of != nothing
    return TranslationTable(source_of[known], entries[known] % vocab_size, counts[known])
