"""Batches of pairs as each epoch shows them, made fast enough for a GPU by one processor core."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.tokenizer import BOS_ID, EOS_ID, PAD_ID, Tokenizer
from models.training.packed_texts import Indices, PackedTexts, in_groups
from models.training.translation_data import Batch, DataConfig, Pair
from models.transcript import normalize_transcript


@dataclass(frozen=True, slots=True)
class PairRows:
    """Which pairs a batch shows, and how: (rows,) each."""

    source: Indices
    """Index of the source among the written and, behind them, the spoken ones."""
    target: Indices
    n_source: Indices
    """First tokens of the source that are shown, without EOS."""
    n_target: Indices
    joined_source: Indices
    """Index of a complete source that is read before; −1: none."""
    joined_target: Indices
    finished: NDArray[np.bool_]
    """Whether the source is complete."""

    def select(self, chosen: Indices) -> "PairRows":
        """Some of the rows."""
        return PairRows(*(getattr(self, name)[chosen] for name in PairRows.__slots__))


class PairStream:
    """Batches of training pairs; an epoch's batches depend on the seed and the epoch alone.

    All text is tokenised once. No piece spans two words, so that the first words of a text are
    the first pieces of it.
    """

    def __init__(
        self, pairs: Sequence[Pair], tokenizer: Tokenizer, config: DataConfig, source_lang: str
    ) -> None:
        written = [source for source, _ in pairs]
        spoken = [normalize_transcript(source, source_lang) for source in written]
        self._sources = PackedTexts(written + spoken, tokenizer)
        self._targets = PackedTexts([target for _, target in pairs], tokenizer)
        self._config = config

    def epoch(self, epoch: int) -> Iterator[PairRows]:
        """The rows of each batch of an epoch, in random order."""
        config = self._config
        rows = self._draw(np.random.default_rng((config.seed, epoch)))
        n_source, n_target = self._lengths(rows)
        usable = (rows.n_source > 0) & (rows.n_target > 0)
        usable &= np.maximum(n_source, n_target) <= config.max_tokens
        width = np.maximum(n_source, n_target)
        order = np.lexsort((n_source, width))  # rows of like length together, otherwise at random
        order = order[usable[order]]
        groups = list(in_groups(width[order], config.batch_tokens))
        for index in np.random.default_rng((config.seed, epoch, 1)).permutation(len(groups)):
            yield rows.select(order[groups[index]])

    def batch(self, rows: PairRows) -> Batch:
        """The tensors of a batch."""
        n_source, n_target = self._lengths(rows)
        n_before = self._of_joined(self._sources, rows.joined_source)
        source = _padded(int((n_source + rows.finished).max(initial=0)), len(rows.source))
        self._sources.copy(source, rows.joined_source, 0, n_before)
        self._sources.copy(source, rows.source, n_before, rows.n_source)
        complete = np.flatnonzero(rows.finished)
        source[complete, n_source[complete]] = EOS_ID
        n_before = self._of_joined(self._targets, rows.joined_target)
        target = _padded(int(n_target.max(initial=0)) + 2, len(rows.source))
        target[:, 0] = BOS_ID
        self._targets.copy(target, rows.joined_target, 1, n_before)
        self._targets.copy(target, rows.target, 1 + n_before, rows.n_target)
        target[np.arange(len(target)), 1 + n_target] = EOS_ID
        return Batch(
            *map(torch.from_numpy, (source, n_source + rows.finished, target, n_target)),
        )

    def _draw(self, rng: np.random.Generator) -> PairRows:
        """All pairs once, in random order, each as this epoch shows it."""
        config, n_pairs = self._config, len(self._targets)
        target = rng.permutation(n_pairs)
        style = n_pairs * (rng.random(n_pairs) < config.spoken_ratio)
        source = target + style
        joined = rng.integers(n_pairs, size=n_pairs)
        alone = rng.random(n_pairs) >= config.join_ratio
        finished = rng.random(n_pairs) >= config.prefix_ratio
        n_words, n_target_words = self._sources.n_words[source], self._targets.n_words[target]
        kept, kept_target = prefix_words(n_words, n_target_words, rng.random(n_pairs))
        return PairRows(
            source=source,
            target=target,
            n_source=self._sources.n_tokens(source, np.where(finished, n_words, kept)),
            n_target=self._targets.n_tokens(
                target, np.where(finished, n_target_words, kept_target)
            ),
            joined_source=np.where(alone, -1, joined + style),
            joined_target=np.where(alone, -1, joined),
            finished=finished,
        )

    def _lengths(self, rows: PairRows) -> tuple[Indices, Indices]:
        """Source and target tokens of each row, without BOS and EOS."""
        return (
            rows.n_source + self._of_joined(self._sources, rows.joined_source),
            rows.n_target + self._of_joined(self._targets, rows.joined_target),
        )

    @staticmethod
    def _of_joined(texts: PackedTexts, joined: Indices) -> Indices:
        return np.where(joined < 0, 0, texts.n_tokens(joined, texts.n_words[joined]))


def prefix_words(
    n_source: Indices, n_target: Indices, fraction: NDArray[np.float64]
) -> tuple[Indices, Indices]:
    """How many words of both sides make prefixes in proportion.

    At least one word of each, and not the whole source if it has more than one.
    """
    kept = np.rint(fraction * n_source).astype(np.int64)
    kept = kept.clip(1, np.maximum(1, n_source - 1))
    kept_target = np.rint(kept / np.maximum(1, n_source) * n_target).astype(np.int64)
    return np.minimum(kept, n_source), kept_target.clip(1, np.maximum(1, n_target))


def _padded(width: int, n_rows: int) -> NDArray[np.int64]:
    return np.full((n_rows, width), PAD_ID, dtype=np.int64)
