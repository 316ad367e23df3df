"""What a recogniser is scored on while it is trained."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from models.training.augmentation import Audio
from models.training.speech_corpus import SpeechDataError
from models.training.speech_data import SpeechItem
from models.training.speech_pack import RATE_HZ, Samples, SpeechPack
from models.training.speech_synthesis import read_wav

_BATCH_S = 120.0

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Spoken:
    """Audio, its transcript and its language (ISO 639-1)."""

    audio: Audio
    transcript: str
    lang: str = "en"


def real_dev(real: SpeechPack, limit: int) -> list[Spoken]:
    """Return evenly spaced read-book utterances of the development split, shortest first."""
    rows = [row for row in real if row.split == "dev" and row.source.startswith("librispeech")]
    return _sorted(
        Spoken(_as_float(real.samples(row)), row.transcript) for row in spread(rows, limit)
    )


def held_out(items: Sequence[SpeechItem]) -> list[Spoken]:
    """Return utterances that are kept from training, shortest first."""
    return _sorted(
        Spoken(_as_float(item.samples()), item.row.transcript, item.row.lang) for item in items
    )


def synthetic_dev(directory: Path, limit: int) -> list[Spoken]:
    """Return evenly spaced utterances of the held-out synthetic set, shortest first.

    Raises:
        SpeechDataError: the set is missing.
    """
    manifest = directory / "manifest.tsv"
    try:
        with manifest.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except FileNotFoundError:
        raise SpeechDataError(f"{manifest} is missing: prepare the speech first") from None
    return _sorted(
        Spoken(_as_float(read_wav(directory / row["path"])), row["transcript"])
        for row in spread(rows, limit)
    )


def spread(items: Sequence[ItemT], limit: int) -> list[ItemT]:
    """Return at most `limit` items, evenly spaced; all if the limit is 0."""
    if limit <= 0 or limit >= len(items):
        return list(items)
    return [items[position * len(items) // limit] for position in range(limit)]


def evaluation_batches(spoken: Sequence[Spoken]) -> Iterator[list[Spoken]]:
    """Yield batches of utterances that come shortest first."""
    batch: list[Spoken] = []
    for one in spoken:  # `one` is the longest so far
        if batch and len(one.audio) * (len(batch) + 1) > _BATCH_S * RATE_HZ:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _as_float(samples: Samples) -> Audio:
    return samples.astype(np.float32) / np.float32(32768)


def _sorted(spoken: Iterable[Spoken]) -> list[Spoken]:
    return sorted(spoken, key=lambda one: len(one.audio))
