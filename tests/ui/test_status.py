from dataclasses import replace

import pytest

from engine.captions import Caption, LiveFigures, LoadState, WordTimes
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


def test_words_that_are_committed_together_have_the_times_of_their_caption() -> None:
    figures = Figures()
    figures.painted(at(caption("", "eins"), 1.0, 1.5), 0.1)
    figures.painted(at(caption("eins", "zwei", revision=1), 2.0, 2.75), 0.25)
    figures.painted(at(caption("eins zwei drei", revision=2, final=True), 3.0, 3.5), 0.1)
    assert [(t.text, t.spoken_s, t.translated_s, t.painted_s) for t in figures.timings] == [
        ("eins", 2.0, 2.75, 3.0),
        ("zwei drei", 3.0, 3.5, 3.6),
    ]


def test_memory_stays_bounded() -> None:
    figures = Figures()
    for n in range(10_000):
        figures.painted(caption(f"satz {n}", segment=n, final=True), 0.0)
    assert len(figures.timings) == 200
    assert len(figures._segments) == 20


def test_load_and_work_are_those_that_the_captions_carry() -> None:
    figures = Figures()
    live = LiveFigures(load=LoadState.FINALS_ONLY, real_time_factor=1.5)
    figures.painted(replace(caption("eins"), live=live), 0.0)
    assert (figures.load, figures.work) == ("finals only", 1.5)


def test_delay_is_that_of_the_words_where_their_times_are_known() -> None:
    figures = Figures()
    one = WordTimes(text="eins", spoken_s=1.0, recognised_s=1.5, translated_s=1.6, shown_s=1.6)
    two = WordTimes(text="zwei", spoken_s=2.0, recognised_s=2.5, translated_s=2.6, shown_s=2.6)
    figures.painted(replace(caption("", "eins"), end_s=1.0, emitted_s=1.6), 0.1)
    figures.painted(
        replace(caption("eins zwei", revision=1), end_s=2.9, emitted_s=2.8, words=(one, two)), 0.1
    )
    assert figures.delay_s == pytest.approx((0.7 + 0.9) / 2)
    assert [timing.painted_s for timing in figures.timings][-2:] == pytest.approx([1.7, 2.9])


def test_in_reading_mode_a_word_counts_as_painted_when_it_is_committed() -> None:
    figures = Figures()
    one = WordTimes(text="eins", spoken_s=1.0, recognised_s=1.5, translated_s=1.6, shown_s=1.6)
    figures.painted(replace(caption("", "eins"), emitted_s=1.6), 0.1, tentative=False)
    figures.painted(
        replace(caption("eins", revision=1), emitted_s=3.0, words=(one,)), 0.1, tentative=False
    )
    assert figures.delay_s == pytest.approx(2.1)
