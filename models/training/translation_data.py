"""Training data of the translators: parallel text in two styles, as sentences and as prefixes.

A live translator reads what a recogniser writes (lower case, no punctuation, numbers spelled out)
as well as what people type, and it reads sentences that are not finished. So every epoch shows
each pair in one of the two styles, and a part of them as prefix pairs: the first words of the
source with the first words of the target in the same proportion. A complete source ends with
EOS, a prefix does not.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

Pair = tuple[str, str]


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
    join_ratio: float = 0.0
    """Part of the pairs that follow another one, as one sentence follows another in speech."""
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
