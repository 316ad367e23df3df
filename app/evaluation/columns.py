"""Test sets: files of columns."""

import gzip
from collections.abc import Sequence
from pathlib import Path


class EvaluationError(ValueError):
    """A test set that cannot be read."""


def read_columns(path: Path, columns: Sequence[str], limit: int | None = None) -> list[list[str]]:
    """Columns of a TSV file, gzipped if its name says so.

    Args:
        path: without a header, or with one that names the columns.
        columns: numbers from 0; or names: of the header, or of the part of the file name that
            lists languages (`tatoeba.en-de.tsv.gz`).
        limit: only the first rows.

    Raises:
        EvaluationError: the file is unreadable or has no such column.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="\n") as file:
            rows = [line.rstrip("\r\n").split("\t") for line in file if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: cannot be read ({error})") from error
    indices, has_header = _column_indices(path, columns, rows[0] if rows else [])
    rows = rows[has_header:][:limit]
    if not rows:
        raise EvaluationError(f"{path}: has no rows")
    try:
        return [[row[index] for index in indices] for row in rows]
    except IndexError as error:
        raise EvaluationError(f"{path}: a row lacks column {max(indices)}") from error


def _column_indices(
    path: Path, columns: Sequence[str], first_row: Sequence[str]
) -> tuple[list[int], bool]:
    if all(name.isdigit() for name in columns):
        return [int(name) for name in columns], False
    if set(columns) <= set(first_row):
        return [first_row.index(name) for name in columns], True
    for part in path.name.split("."):
        names = part.split("-")
        if len(names) > 1 and set(columns) <= set(names):
            return [names.index(name) for name in columns], False
    raise EvaluationError(f"{path}: has no columns {', '.join(columns)}; give their numbers from 0")
