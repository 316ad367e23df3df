"""The text that a language model is trained on: of transcripts, or as it is written."""

import csv
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

from models.transcript import normalize_transcript


def read_sentences(
    paths: Sequence[Path], lang: str, left_out: Iterable[str] = (), *, as_written: bool = False
) -> list[str]:
    """Sentences of TSV files, each different one once, in order.

    Args:
        paths: gzipped if the name says so. Of a file whose name lists languages, such as
            `tatoeba.en-de.tsv.gz`, the column of the language counts, of any other the last.
        lang: "en" or "de".
        left_out: sentences that must not be among them, in the same spelling.
        as_written: leave them as they are instead of spelling them as transcripts are.

    Raises:
        ValueError: a file is missing, not UTF-8, or a line lacks the column.
    """
    excluded = set(left_out)
    sentences: dict[str, None] = {}
    for path in paths:
        column = _column(path, lang)
        opener = gzip.open if path.suffix == ".gz" else open
        try:
            with opener(path, "rt", encoding="utf-8", newline="\n") as file:
                texts = [line.rstrip("\r\n").split("\t")[column] for line in file]
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: cannot be read ({error})") from error
        except IndexError as error:
            raise ValueError(f"{path}: a line lacks column {column}") from error
        for text in dict.fromkeys(texts):
            sentence = text if as_written else normalize_transcript(text, lang)
            if sentence and sentence not in excluded:
                sentences[sentence] = None
    return list(sentences)


def read_held_out(manifests: Sequence[Path], lang: str) -> set[str]:
    """Normalised transcripts of all recordings that are not for training.

    Args:
        manifests: TSV files with a header that names `split`, `lang` and `transcript`; splits for
            training have names that begin with `train`.
        lang: "en" or "de".

    Raises:
        ValueError: a file is missing, not UTF-8, or lacks such a column.
    """
    held_out = set()
    for manifest in manifests:
        try:
            with manifest.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
            for row in rows:
                if row["lang"] == lang and not row["split"].startswith("train"):
                    held_out.add(normalize_transcript(row["transcript"], lang))
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{manifest}: cannot be read ({error})") from error
        except KeyError as error:
            raise ValueError(f"{manifest}: has no column {error}") from error
    return held_out


def _column(path: Path, lang: str) -> int:
    for part in path.name.split("."):
        langs = part.split("-")
        if len(langs) > 1 and lang in langs:
            return langs.index(lang)
    return -1
