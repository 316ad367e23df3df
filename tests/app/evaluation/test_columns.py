"""Test sets as people have them."""

import gzip
from pathlib import Path

import pytest

from app.evaluation.columns import EvaluationError, read_columns

ROWS = [["good morning", "guten Morgen"], ["we have time", "wir haben Zeit"]]
TEXT = "".join(f"{source}\t{target}\n" for source, target in ROWS)


def test_columns_are_found_by_number_by_header_and_by_file_name(tmp_path: Path) -> None:
    named = tmp_path / "few.de-en.tsv.gz"
    named.write_bytes(gzip.compress(TEXT.encode()))
    assert read_columns(named, ("de", "en"), 1) == ROWS[:1]
    assert read_columns(named, ("1", "0"), 1) == [ROWS[0][::-1]]
    with_header = tmp_path / "set.tsv"
    with_header.write_text("id\tsource\ttarget\n7\ta\tb\n")
    assert read_columns(with_header, ("source", "target")) == [["a", "b"]]
    with pytest.raises(EvaluationError, match="no columns en, fr; its first line is: good"):
        read_columns(named, ("en", "fr"))
    with pytest.raises(EvaluationError, match="line 1 lacks column 2"):
        read_columns(named, ("0", "2"))


def test_a_file_from_a_spreadsheet_has_a_mark_and_other_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "set.tsv"
    file.write_bytes(b"\xef\xbb\xbf" + f"en\tde\n\n{TEXT}\n".replace("\n", "\r\n").encode())
    assert read_columns(file, ("en", "de")) == ROWS


def test_what_is_compressed_is_seen_not_named(tmp_path: Path) -> None:
    (tmp_path / "set.tsv").write_bytes(gzip.compress(TEXT.encode()))
    (tmp_path / "set.tsv.gz").write_text(TEXT)
    assert read_columns(tmp_path / "set.tsv", ("0", "1")) == ROWS
    assert read_columns(tmp_path / "set.tsv.gz", ("0", "1")) == ROWS


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (gzip.compress(TEXT.encode())[:30], "cannot be read"),
        (gzip.compress(TEXT.encode())[:12] + b"damaged, and so on", "cannot be read"),
        ("gut\tgood\ncafé\tcafe\n".encode("latin-1"), "line 2 is not UTF-8"),
        (b"good\tgut\n\nalone\n", "line 3 lacks column 1"),
        (b"", "has no rows"),
    ],
    ids=["cut off", "damaged", "another encoding", "a row too short", "empty"],
)
def test_what_cannot_be_read_is_one_error(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "set.tsv"
    file.write_bytes(content)
    with pytest.raises(EvaluationError, match=told):
        read_columns(file, ("0", "1"))
