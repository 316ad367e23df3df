"""What a training run reads: packed speech in batches of like length, and the tokeniser.

Batches are plans (which utterances, which random seed), made in an instant, so that a run which
continues in the middle of an epoch can skip to its place; audio is read when a batch is used.
"""

import io
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece

from models.training.speech_labels import read_labels, read_word_ends, translation_file
from models.training.speech_pack import PackedUtterance, Samples, SpeechPack


@dataclass(frozen=True, slots=True)
class SpeechItem:
    """One utterance of a data set, with what was said before it, if that is known."""

    pack: SpeechPack
    row: PackedUtterance
    previous: str | None = None
    word_ends: tuple[int, ...] = ()
    """The sample at which each word of the transcript ends; empty where it is not known."""
    translations: tuple[tuple[str, str], ...] = ()
    """Language (ISO 639-1) and text of translations of the transcript."""

    def samples(self) -> Samples:
        """Return the samples, read-only, (n_samples,)."""
        return self.pack.samples(self.row)


@dataclass(frozen=True, slots=True)
class SpeechBatch:
    """Utterances that are used together; `seed` decides everything random about them."""

    items: tuple[SpeechItem, ...]
    seed: int

    @property
    def seconds(self) -> float:
        """Seconds of speech in the batch, without padding."""
        return sum(item.row.seconds for item in self.items)


@dataclass(frozen=True, slots=True)
class SpeechGroup:
    """Utterances that are drawn alike; `weight` is their share of the seconds seen."""

    name: str
    items: Sequence[SpeechItem]
    weight: float


class SpeechDataset:
    """Draws utterances from groups by weight and puts those of like length into batches.

    Every group is gone through in random order without repetition before it starts again,
    however the epochs divide it. The batches of an epoch depend on the arguments, the seed and
    the epoch's number alone.

    Args:
        groups: what to draw from; those without items are left out.
        epoch_hours: length of an epoch.
        batch_s: seconds of a batch, its padding included.
        seed: of every random choice.
        longest_s: for each epoch from the first, the longest utterance used, and the last value
            for all later epochs: a recogniser learns to align on short ones first.

    Raises:
        ValueError: there is nothing to draw from.
    """

    def __init__(
        self,
        groups: Sequence[SpeechGroup],
        *,
        epoch_hours: float,
        batch_s: float,
        seed: int = 1,
        longest_s: Sequence[float] = (20.0,),
    ) -> None:
        self._groups = [group for group in groups if group.items and group.weight > 0]
        if not self._groups:
            raise ValueError("speech data: no group has both utterances and a weight")
        self._epoch_s = epoch_hours * 3600
        self._batch_s = batch_s
        self._seed = seed
        self._longest_s = tuple(longest_s)

    def batches(self, epoch: int) -> Iterator[SpeechBatch]:
        """Yield the batches of an epoch in random order."""
        longest_s = self._longest_s[min(epoch, len(self._longest_s) - 1)]
        total = sum(group.weight for group in self._groups)
        drawn: list[SpeechItem] = []
        for group in self._groups:
            drawn += self._draw(group, epoch, self._epoch_s * group.weight / total, longest_s)
        dice = random.Random(f"{self._seed}:{epoch}:batches")
        # A little noise in the lengths, or the same utterances would meet in every epoch.
        drawn.sort(key=lambda item: item.row.seconds * dice.uniform(0.93, 1.07))
        batches = list(_filled(drawn, self._batch_s))
        dice.shuffle(batches)
        for items in batches:
            yield SpeechBatch(items, dice.getrandbits(63))

    def _draw(
        self, group: SpeechGroup, epoch: int, seconds: float, longest_s: float
    ) -> list[SpeechItem]:
        items = [item for item in group.items if item.row.seconds <= longest_s]
        if not items:
            return []
        mean_s = sum(item.row.seconds for item in items) / len(items)
        n_items = max(1, round(seconds / mean_s))
        first = epoch * n_items
        passes = range(first // len(items), (first + n_items - 1) // len(items) + 1)
        order: list[int] = []
        for number in passes:
            dice = np.random.default_rng([self._seed, number, len(items)])
            order += dice.permutation(len(items)).tolist()
        start = first - passes[0] * len(items)
        return [items[index] for index in order[start : start + n_items]]


def _filled(items: Iterable[SpeechItem], batch_s: float) -> Iterator[tuple[SpeechItem, ...]]:
    """Yield runs of items, each padded to its longest, of at most `batch_s` (but never empty)."""
    batch: list[SpeechItem] = []
    longest_s = 0.0
    for item in items:
        longest_s = max(longest_s, item.row.seconds)
        if batch and longest_s * (len(batch) + 1) > batch_s:
            yield tuple(batch)
            batch, longest_s = [], item.row.seconds
        batch.append(item)
    if batch:
        yield tuple(batch)


def items_of(
    pack: SpeechPack,
    keep: Callable[[PackedUtterance], bool],
    *,
    translations: Sequence[str] = (),
    longest_s: float = 30.0,
) -> list[SpeechItem]:
    """Return the utterances that are kept, with what `models.training.speech_labels` knows of them.

    Each has the transcript of the one before it, too: of the preceding line of the index if that
    has the same source and voice.

    Args:
        pack: to choose from.
        keep: says which are kept.
        translations: the languages, ISO 639-1, whose translations are read.
        longest_s: longer ones are left out.
    """
    word_ends = read_word_ends(pack.directory)
    translated = {
        lang: read_labels(pack.directory / translation_file(lang)) for lang in translations
    }
    items: list[SpeechItem] = []
    before: PackedUtterance | None = None
    for row in pack:
        if keep(row) and row.seconds <= longest_s:
            together = before and (before.source, before.voice) == (row.source, row.voice)
            items.append(
                SpeechItem(
                    pack,
                    row,
                    before.transcript if before and together else None,
                    word_ends.get(row.id, ()),
                    tuple(
                        (lang, texts[row.id])
                        for lang, texts in translated.items()
                        if texts.get(row.id)
                    ),
                )
            )
        before = row
    return items


def train_speech_tokenizer(
    transcripts: Iterable[str], path: Path, *, n_pieces: int = 300
) -> sentencepiece.SentencePieceProcessor:
    """Train the recogniser's sentencepiece model (unigram) and write it; reproducible.

    Args:
        transcripts: normalised text in every language that is recognised.
        path: where the model goes.
        n_pieces: with the three control pieces `<unk>`, `<s>`, `</s>`, which come first.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(transcripts),
        model_writer=model,
        vocab_size=n_pieces,
        model_type="unigram",
        character_coverage=1.0,
        normalization_rule_name="identity",
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
