"""Test sets: files of columns."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from app.errors import reason

_GZIP = b"\x1f\x8b"
_LONGEST_SHOWN = 60  # characters of a line in an error


class EvaluationError(ValueError):
    """A test set that cannot be read."""


def read_columns(path: Path, columns: Sequence[str], limit: int | None = None) -> list[list[str]]:
    """Columns of a TSV file, gzipped or not.

    Args:
        path: without a header, or with one that names the columns.
        columns: numbers from 0; or names: of the header, or of the part of the file name that
            lists languages (`tatoeba.en-de.tsv.gz`).
        limit: only the first rows.

    Raises:
        EvaluationError: the file is unreadable or has no such column.
    """
    lines = [line.rstrip("\r") for line in _read_text(path).split("\n")]
    rows = [(number, line.split("\t")) for number, line in enumerate(lines, 1) if line.strip()]
    indices, has_header = _column_indices(path, columns, rows[0][1] if rows else [])
    rows = rows[has_header:][:limit]
    if not rows:
        raise EvaluationError(f"{path}: has no rows")
    for number, row in rows:
        if len(row) <= max(indices):
            raise EvaluationError(f"{path}: line {number} lacks column {max(indices)}, from 0")
    return [[row[index] for index in indices] for _, row in rows]


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise EvaluationError(f"{path}: cannot be read ({reason(error)})") from error
    try:
        return data.decode("utf-8-sig")  # spreadsheets put a mark in front
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise EvaluationError(f"{path}: line {number} is not UTF-8") from error


def _column_indices(
    path: Path, columns: Sequence[str], first_row: Sequence[str]
) -> tuple[list[int], bool]:
    if all(name.isdecimal() for name in columns):
        return [int(name) for name in columns], False
    if set(columns) <= set(first_row):
        return [first_row.index(name) for name in columns], True
    for part in path.name.split("."):
        names = part.split("-")
        if len(names) > 1 and set(columns) <= set(names):
            return [names.index(name) for name in columns], False
    line = " | ".join(first_row)[:_LONGEST_SHOWN]
    raise EvaluationError(f"{path}: has no columns {', '.join(columns)}; its first line is: {line}")
