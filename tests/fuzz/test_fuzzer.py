"""A few seconds of what `make soak` does for minutes."""

from pathlib import Path

from tests.fuzz.running import fuzz


def test_no_parser_breaks_in_a_few_seconds(tmp_path: Path) -> None:
    assert fuzz("all", tmp_path, seconds=5) > 0
