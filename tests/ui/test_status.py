from dataclasses import replace

import pytest

from engine.captions import Caption
from tests.ui.streams import caption
from ui.status import Figures


def at(one: Caption, end_s: float, emitted_s: float) -> Caption:
    return replace(one, end_s=end_s, emitted_s=emitted_s)


def test_delay_counts_from_the_spoken_word_to_the_painted_one() -> None:
    figures = Figures()
    assert (figures.delay_s, figures.load, figures.normalized_erasure) == (None, None, None)
    figures.painted(at(caption("eins"), 10.0, 10.8), 0.2)
    assert figures.delay_s == pytest.approx(1.0)
    assert figures.load == "keeping up"


def test_erasure_counts_words_that_the_reader_saw_taken_back() -> None:
    figures = Figures()
    figures.painted(caption("", "das ist ein"), 0.0)
    figures.painted(caption("das", "war gut", revision=4), 0.0)
    figures.painted(caption("das war gut ja", revision=5, final=True), 0.0)
    assert figures.normalized_erasure == 2 / 4


def test_a_machine_that_is_late_again_and_again_is_stretched() -> None:
    figures = Figures()
    for n in range(9):
        figures.painted(at(caption("eins", revision=n), n, n + 5.0), 0.0)
    assert figures.load == "stretched"


def test_segments_that_come_whole_are_finals_only() -> None:
    figures = Figures()
    for n in range(3):
        assert figures.load in (None, "keeping up")
        figures.painted(caption("eins zwei", segment=n, final=True), 0.0)
    assert figures.load == "finals only"


def test_each_word_has_its_times() -> None:
    figures = Figures()
    figures.painted(at(caption("", "eins"), 1.0, 1.5), 0.1)
    figures.painted(at(caption("eins", "zwei", revision=1), 2.0, 2.75), 0.25)
    assert [(t.text, t.spoken_s, t.translated_s, t.painted_s) for t in figures.timings] == [
        ("eins", 1.0, 1.5, 1.6),
        ("zwei", 2.0, 2.75, 3.0),
    ]


def test_memory_stays_bounded() -> None:
    figures = Figures()
    for n in range(10_000):
        figures.painted(caption(f"satz {n}", segment=n, final=True), 0.0)
    assert len(figures.timings) == 200
    assert len(figures._segments) == 20
