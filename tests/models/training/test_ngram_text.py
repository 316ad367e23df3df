import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from models.training.ngram_text import read_held_out, read_sentences


def write(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    text = "".join("\t".join(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def test_the_column_of_the_language_or_the_last_is_read_once_and_normalised(tmp_path: Path) -> None:
    pairs = write(tmp_path / "some.de-en.tsv.gz", [("Ja!", "Yes!", "7"), ("Ja.", "Yes.", "8")])
    transcripts = write(tmp_path / "speech.txt", [("1-2", "WE HAVE 12"), ("1-3", "...")])
    assert read_sentences([pairs, transcripts], "en") == ["yes", "we have twelve"]
    assert read_sentences([pairs], "de") == ["ja"]
    assert read_sentences([pairs], "de", as_written=True) == ["Ja!", "Ja."]


def test_what_held_out_recordings_say_is_left_out(tmp_path: Path) -> None:
    manifest = write(
        tmp_path / "manifest.tsv",
        [
            ("path", "split", "lang", "transcript"),
            ("a.wav", "train_clean", "en", "GOOD MORNING"),
            ("b.wav", "dev", "en", "GOOD NIGHT"),
            ("c.wav", "dev", "de", "GUTE NACHT"),
        ],
    )
    held_out = read_held_out([manifest], "en")
    assert held_out == {"good night"}
    text = write(tmp_path / "text.en-de.tsv", [("Good night!", "-"), ("Good morning.", "-")])
    assert read_sentences([text], "en", held_out) == ["good morning"]


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"missing\.tsv: cannot be read"):
        read_sentences([tmp_path / "missing.tsv"], "en")
    narrow = write(tmp_path / "text.de-en.tsv", [("allein",)])
    with pytest.raises(ValueError, match="lacks column 1"):
        read_sentences([narrow], "en")
    with pytest.raises(ValueError, match="no column 'lang'"):
        read_held_out([write(tmp_path / "m.tsv", [("path",), ("a",)])], "en")
