"""Real speech and readable sentences, out of the data folder's manifests and text files."""

import csv
import gzip
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from models.training.speech_pack import RATE_HZ, Samples
from models.transcript import has_digits, normalize_transcript

REAL_SPLITS = ("train", "train_digits", "dev")
_TRAIN_TEXT = ("tatoeba.en-de.tsv.gz", "tatoeba.en-fr.tsv.gz", "bcontrast.en-de.tsv.gz")
_LITERARY_TEXT = "librispeech_train-clean-100_transcripts.txt.gz"
# Letters, white space and the punctuation that every engine reads alike.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z\s,.;:!?'’\"“”-]*")
_CAPITALS = re.compile(r"\b(?!OK\b)[A-Z]{2,}\b|[a-z][A-Z]|\b[B-HJ-Z]\.")
_AMBIGUOUS = re.compile(r"\b(st|vs|no|jr|sr|prof|ltd|inc|co|e\.g|i\.e|a\.m|p\.m)\.", re.IGNORECASE)


class SpeechDataError(ValueError):
    """A manifest, a text file or a recording cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A row of a manifest that training can use."""

    path: Path
    id: str
    split: str
    source: str
    lang: str
    speaker: str
    transcript: str


def real_utterances(speech: Path) -> Iterator[Recording]:
    """Yield the usable rows of `manifest.tsv` in the folder of real speech.

    Rows with digits (their reading is a guess), without a transcript, of a language without
    spelling rules and of other splits are left out.

    Raises:
        SpeechDataError: the manifest is missing or lacks a column.
    """
    columns = ("path", "split", "speaker", "lang", "transcript")
    for path, split, speaker, lang, text in _manifest_rows(speech / "manifest.tsv", columns):
        if split not in REAL_SPLITS or lang not in ("en", "de") or has_digits(text):
            continue
        transcript = normalize_transcript(text, lang)
        if transcript:
            yield Recording(
                path=speech / path,
                id=path,
                split=split,
                source=path.split("/", 1)[0],
                lang=lang,
                speaker=speaker,
                transcript=transcript,
            )


def noise_clips(noise: Path) -> Iterator[Recording]:
    """Yield all rows of `manifest.tsv` in the folder of noises; the class is the speaker.

    Raises:
        SpeechDataError: the manifest is missing or lacks a column.
    """
    columns = ("path", "split", "class")
    for path, split, kind in _manifest_rows(noise / "manifest.tsv", columns):
        yield Recording(
            path=noise / path,
            id=path,
            split=split,
            source="noise",
            lang="",
            speaker=kind,
            transcript="",
        )


def _manifest_rows(manifest: Path, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    try:
        with manifest.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                yield tuple(row[column] or "" for column in columns)
    except FileNotFoundError:
        raise SpeechDataError(f"{manifest} is missing") from None
    except KeyError as error:
        raise SpeechDataError(f"{manifest} has no column {error}") from None


def decode_audio(path: Path) -> Samples:
    """Decode the first audio stream of a file to 16 kHz mono int16, (n_samples,).

    Raises:
        SpeechDataError: the file is missing or holds no decodable audio.
    """
    blocks: list[npt.NDArray[np.int16]] = []
    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
            for frame in itertools.chain(container.decode(audio=0), [None]):  # None flushes
                for out in resampler.resample(frame):
                    blocks.append(out.to_ndarray().reshape(-1).astype(np.int16, copy=False))
    except (OSError, IndexError, av.FFmpegError) as error:
        raise SpeechDataError(f"cannot decode {path}: {error}") from error
    if not blocks:
        raise SpeechDataError(f"{path} holds no audio")
    return np.concatenate(blocks)


def is_readable(text: str) -> bool:
    """Say whether every engine speaks the text as its normalised transcript is written."""
    return (
        _PLAIN.fullmatch(text) is not None
        and _CAPITALS.search(text) is None
        and _AMBIGUOUS.search(text) is None
    )


def everyday_sentences(text: Path) -> list[str]:
    """Return the distinct readable English sentences of the training text, in file order."""
    return _distinct(_first_columns(text / "train", _TRAIN_TEXT))


def translated_sentences(text: Path, lang: str) -> list[str]:
    """Return the distinct sentences in `lang` that the training text has for its English ones.

    Raises:
        SpeechDataError: there is no text in that language, or it cannot be read.
    """
    names = [name for name in _TRAIN_TEXT if name.endswith(f".en-{lang}.tsv.gz")]
    if not names:
        raise SpeechDataError(f"the training text has no sentences in {lang!r}")
    lines = (line for name in names for line in _lines(text / "train" / name))
    found = (line.split("\t")[1].strip() for line in lines if "\t" in line)
    return sorted({sentence for sentence in found if sentence and not has_digits(sentence)})


def literary_sentences(text: Path) -> list[str]:
    """Return the distinct read-speech transcripts, in lower case, in file order."""
    path = text / "mono" / _LITERARY_TEXT
    return _distinct(line.partition("\t")[2].strip().lower() for line in _lines(path))


def dev_sentences(text: Path) -> list[str]:
    """Return the distinct readable English sentences of the development text."""
    return _distinct(_first_columns(text / "dev", _TRAIN_TEXT))


def _first_columns(directory: Path, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        for line in _lines(directory / name):
            yield line.partition("\t")[0].strip()


def _distinct(sentences: Iterator[str]) -> list[str]:
    seen: dict[str, str] = {}
    for sentence in sentences:
        if is_readable(sentence):
            seen.setdefault(normalize_transcript(sentence), sentence)
    seen.pop("", None)
    return list(seen.values())


def _lines(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield line.rstrip("\n")
    except OSError as error:
        raise SpeechDataError(f"cannot read {path}: {error}") from error
