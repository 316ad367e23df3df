"""Revised text: lines of JSON become source prefixes."""

import logging
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.revised_text import MAX_LINE_CHARS, RevisedText
from tests.fakes import ManualClock


def read(*pieces: str) -> list[tuple[int, str, str, bool]]:
    reader = RevisedText("en", ManualClock())
    prefixes = [prefix for piece in pieces for prefix in reader.accept(piece)]
    prefixes += reader.finish()
    return [(p.segment, p.committed, p.tentative, p.finished) for p in prefixes]


def test_each_line_takes_the_place_of_the_one_before_and_finished_ends_a_segment() -> None:
    assert read(
        '{"committed": "we", "tentative": "halve"}\n{"committed": "we have", ',
        '"finished": true}\n{"tentative": "and"}',
    ) == [
        (0, "we", "halve", False),
        (0, "we have", "", True),
        (1, "", "and", False),
        (1, "and", "", True),
    ]


def test_times_are_those_when_the_lines_came() -> None:
    clock = ManualClock(1.0)
    reader = RevisedText("en", clock)
    reader.accept('{"tentative": "we"}\n')
    clock.now_s = 2.5
    (prefix,) = reader.accept('{"committed": "we", "finished": true}\n')
    assert (prefix.start_s, prefix.end_s) == (1.0, 2.5)


@pytest.mark.parametrize(
    "line",
    [
        "we have",
        "[1]",
        '{"committed": 3}',
        '{"commited": "a"}',
        r'{"committed": "\ud800"}',
        "[" * 50_000,
        '{"committed": "a", "finished": 1}',
        f'{{"committed": "{"a" * MAX_LINE_CHARS}"}}',
    ],
)
def test_a_line_of_another_form_is_left_out_with_one_warning(
    caplog: pytest.LogCaptureFixture, line: str
) -> None:
    with caplog.at_level(logging.WARNING):
        assert read(f'{line}\n{line}\n{{"committed": "a", "finished": true}}\n') == [
            (0, "a", "", True)
        ]
    assert len(caplog.records) == 1


@given(st.lists(st.integers(0, 80), max_size=5))
def test_what_is_read_does_not_depend_on_where_pieces_end(cuts: list[int]) -> None:
    text = '{"committed": "a b", "tentative": "c"}\n\n{"committed": "a b d", "finished": true}\n'
    borders = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(borders)]
    assert read(*pieces) == read(text)


def test_what_is_no_json_is_quoted(caplog: pytest.LogCaptureFixture) -> None:
    read('{"committed": "we"}\nso they said\n')
    assert "the first: 'so they said' is no JSON: Expecting value" in caplog.text
