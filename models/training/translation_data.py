"""Training data of the translators: parallel text in two styles, as sentences and as prefixes.

A live translator reads what a recogniser writes (lower case, no punctuation, numbers spelled out)
as well as what people type, and it reads sentences that are not finished. So every epoch shows
each pair in one of the two styles, and a part of them as prefix pairs: the first words of the
source with the first words of the target in the same proportion. A complete source ends with
EOS, a prefix does not.
"""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.tokenizer import BOS_ID, EOS_ID, Tokenizer
from models.transcript import normalize_transcript
from models.translation import pad
from models.translator_config import source_ids

Pair = tuple[str, str]

_SHUFFLE_BLOCK = 16_384
"""Pairs that are tokenised and sorted by length together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which pairs a translator is trained on, and how they are shown."""

    train: tuple[str, ...]
    """Gzipped TSV files (source, target in the first two columns), relative to the data folder."""
    dev: tuple[str, ...]
    spoken_ratio: float = 0.5
    """Part of the pairs whose source is shown as a recogniser would write it."""
    prefix_ratio: float = 0.25
    """Part of the pairs that are cut to a prefix."""
    batch_tokens: int = 3000
    """Target tokens of a batch, padding included."""
    max_tokens: int = 100
    """Longer sources or targets are left out."""
    n_dev: int = 300
    """Sentences per development set that are scored during training."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of pairs, padded."""

    source: Tensor
    """(batch, source time)"""
    source_lengths: Tensor
    target: Tensor
    """Target ids with BOS in front and EOS behind, (batch, target time + 1)."""
    target_lengths: Tensor
    """Target tokens without BOS and EOS."""

    @property
    def n_target_tokens(self) -> int:
        """Tokens to be predicted, EOS included."""
        return int(self.target_lengths.sum()) + len(self.target_lengths)

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        return Batch(
            self.source.to(device),
            self.source_lengths.to(device),
            self.target.to(device),
            self.target_lengths.to(device),
        )


def read_pairs(path: Path, columns: tuple[int, int] = (0, 1)) -> list[Pair]:
    """Sentence pairs of a TSV file, gzipped if its name says so.

    Raises:
        ValueError: the file is missing, not UTF-8, or a row lacks a column.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="\n") as file:
            rows = [line.rstrip("\n").split("\t") for line in file]
        return [(row[columns[0]], row[columns[1]]) for row in rows]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
    except IndexError as error:
        raise ValueError(f"{path}: a row has no column {max(columns) + 1}") from error


class PairStream:
    """Batches of training pairs; an epoch's batches depend on the seed and the epoch alone."""

    def __init__(
        self, pairs: Sequence[Pair], tokenizer: Tokenizer, config: DataConfig, source_lang: str
    ) -> None:
        self._written = [source for source, _ in pairs]
        self._spoken = [normalize_transcript(source, source_lang) for source, _ in pairs]
        self._targets = [target for _, target in pairs]
        self._tokenizer = tokenizer
        self._config = config

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """All batches of an epoch, in random order within blocks."""
        rng = np.random.default_rng((self._config.seed, epoch))
        order = rng.permutation(len(self._targets))
        for start in range(0, len(order), _SHUFFLE_BLOCK):
            yield from self._block(order[start : start + _SHUFFLE_BLOCK].tolist(), rng)

    def _block(self, indices: Sequence[int], rng: np.random.Generator) -> Iterator[Batch]:
        config, tokenizer = self._config, self._tokenizer
        shown = [self._show(index, rng) for index in indices]
        sources = tokenizer.encode_batch([source for source, _, _ in shown])
        targets = tokenizer.encode_batch([target for _, target, _ in shown])
        rows = [
            (source_ids(source, finished=finished), target)
            for source, target, (_, _, finished) in zip(sources, targets, shown, strict=True)
            if 0 < len(source) <= config.max_tokens and 0 < len(target) <= config.max_tokens
        ]
        rows.sort(key=lambda row: (len(row[1]), len(row[0])))
        groups = list(_groups(rows, config.batch_tokens))
        for index in rng.permutation(len(groups)):
            yield make_batch(groups[index])

    def _show(self, index: int, rng: np.random.Generator) -> tuple[str, str, bool]:
        """Source, target and whether they are complete, in the style of this epoch."""
        config = self._config
        style = self._spoken if rng.random() < config.spoken_ratio else self._written
        source, target = style[index], self._targets[index]
        if rng.random() >= config.prefix_ratio:
            return source, target, True
        return *cut_to_prefix(source, target, rng.random()), False


def cut_to_prefix(source: str, target: str, fraction: float) -> Pair:
    """The first words of both sides, in proportion: at least one source word, not all."""
    source_words, target_words = source.split(), target.split()
    n_source = min(max(1, round(fraction * len(source_words))), max(1, len(source_words) - 1))
    n_target = max(1, round(n_source / max(1, len(source_words)) * len(target_words)))
    return " ".join(source_words[:n_source]), " ".join(target_words[:n_target])


def make_batch(rows: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Batch:
    """Pad (source, target) id rows into a batch."""
    source, source_lengths = pad([source for source, _ in rows])
    target, lengths = pad([[BOS_ID, *target, EOS_ID] for _, target in rows])
    return Batch(source, source_lengths, target, lengths - 2)


def _groups(
    rows: list[tuple[list[int], list[int]]], batch_tokens: int
) -> Iterator[list[tuple[list[int], list[int]]]]:
    """Cut rows, sorted by length, into groups of at most `batch_tokens` padded target tokens."""
    group: list[tuple[list[int], list[int]]] = []
    for row in rows:
        if group and (len(group) + 1) * max(len(row[1]), len(row[0])) > batch_tokens:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def complete_words(target: Tensor, ends_word: Tensor) -> Tensor:
    """How many words are complete before each predicted token.

    Args:
        target: decoder input ids, beginning with BOS, (batch, time).
        ends_word: (vocabulary,), true for tokens that end a word.
    """
    return ends_word[target].long().cumsum(dim=1)


def wait_k_visible(source: Tensor, target: Tensor, ends_word: Tensor, k: Tensor) -> Tensor:
    """What Wait-k lets each prediction see: (batch, target time, source time).

    The (n+1)-th target word is written when k + n source words were read; EOS of the source
    counts as a word of its own, read when the segment is finished.

    Args:
        source: source ids, (batch, source time).
        target: decoder input ids, beginning with BOS, (batch, target time).
        ends_word: (vocabulary,), true for tokens that end a word.
        k: words of head start of each row, (batch,).
    """
    ends = ends_word[source].long()
    source_word = ends.cumsum(dim=1) - ends  # index of the word that each token belongs to
    n_read = k[:, None] + complete_words(target, ends_word)
    return source_word[:, None, :] < n_read[:, :, None]
