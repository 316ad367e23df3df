from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.captions import Caption
from tests.caption_order import CaptionOrder
from tests.ui.streams import caption, streams
from ui.state import BACKLOG_BANDS, SEGMENTS_KEPT, Frame, Pace, Shape, SubtitleState


def measure(text: str) -> float:
    return 10.0 * len(text)


def make_state(rows: int = 2, source_rows: int = 1, dwell_s: float = 5.0) -> SubtitleState:
    return SubtitleState(
        Shape(rows, 200.0, measure), Shape(source_rows, 300.0, measure), dwell_s=dwell_s
    )


def target(state: SubtitleState, now_s: float = 0.0) -> list[str]:
    return [line.text for line in state.frame(now_s).target]


@given(st.one_of(streams(), streams(interleaved=True)), st.integers(1, 6), st.integers(0, 9))
def test_a_committed_word_never_moves_once_painted(
    captions: list[Caption], rows: int, seed: int
) -> None:
    chance = Random(seed)
    order = CaptionOrder()
    state = make_state(rows)
    placed: dict[tuple[str, int, int, int], tuple[str, float]] = {}
    before = Frame()
    for one in captions:
        order.check(one)  # the stream itself keeps the rules
        state.apply(one, 0.0)
        if chance.random() < 0.3:
            continue  # not every caption is painted
        frame = state.frame(0.0)
        for side, lines in (("target", frame.target), ("source", frame.source)):
            for line in lines:
                for nth, word in enumerate(line.words):
                    if word.committed:
                        key = (side, line.segment, line.index, nth)
                        assert placed.setdefault(key, (word.text, word.x)) == (word.text, word.x)
        rows_before = {(line.segment, line.index): line.row for line in before.target}
        for line in frame.target:
            assert line.row <= rows_before.get((line.segment, line.index), line.row)
        before = frame


@given(streams(interleaved=True), st.integers(1, 6))
def test_the_newest_words_are_always_in_sight(captions: list[Caption], rows: int) -> None:
    state = make_state(rows)
    texts: dict[int, str] = {}
    for one in captions:
        state.apply(one, 0.0)
        texts[one.segment] = one.target.full
        frame = state.frame(0.0)
        assert len(frame.target) <= rows
        assert [line.row for line in frame.target] == list(range(len(frame.target)))
        told = [text for _, text in sorted(texts.items()) if text]
        if told:
            last = frame.target[-1].words[-1].text
            assert told[-1].endswith(last)


@given(streams(interleaved=True), st.integers(0, 99))
def test_the_order_of_arrival_makes_no_difference_to_the_last_frame(
    captions: list[Caption], seed: int
) -> None:
    # One tall band: no line has been painted on the way, so nothing is held in place.
    straight, shuffled = make_state(60, 60), make_state(60, 60)
    for one in captions:
        straight.apply(one, 0.0)
    mixed = list(captions)
    Random(seed).shuffle(mixed)
    for one in mixed:
        shuffled.apply(one, 0.0)
    assert straight.frame(0.0) == shuffled.frame(0.0)


def test_a_stale_revision_is_ignored() -> None:
    state = make_state()
    assert state.apply(caption("neu", revision=3), 0.0)
    assert not state.apply(caption("alt", revision=2), 0.0)
    assert not state.apply(caption("gleich", revision=3), 0.0)
    assert target(state) == ["neu"]


def test_nothing_follows_a_final() -> None:
    state = make_state()
    state.apply(caption("fertig", final=True), 0.0)
    assert not state.apply(caption("fertig nicht", revision=1), 0.0)
    assert target(state) == ["fertig"]


def test_committed_and_tentative_words_are_told_apart() -> None:
    state = make_state()
    state.apply(caption("wir haben", "das gesehen"), 0.0)
    (first, second) = state.frame(0.0).target
    assert [(word.text, word.committed) for word in first.words + second.words] == [
        ("wir", True),
        ("haben", True),
        ("das", False),
        ("gesehen", False),
    ]


def test_lines_fill_the_band_and_then_roll_up() -> None:
    state = make_state()
    for number, text in enumerate(("eins", "zwei", "drei")):
        state.apply(caption(text, segment=number, final=True), 0.0)
    assert target(state) == ["zwei", "drei"]
    assert [line.row for line in state.frame(0.0).target] == [0, 1]


def finals(state: SubtitleState, numbers: range, now_s: float) -> None:
    for number in numbers:
        state.apply(caption(str(number), segment=number, final=True), now_s)


def test_a_line_has_its_time_before_it_rolls_away() -> None:
    state = make_state()
    state.pace = Pace(step_s=0.3, line_s=2.0)
    finals(state, range(2), 10.0)
    assert target(state, 10.0) == ["0", "1"]
    finals(state, range(2, 3), 10.5)
    assert target(state, 10.5) == ["0", "1"]
    assert state.changes_s == 12.0
    assert target(state, 12.0) == ["1", "2"]


def test_a_backlog_rolls_line_by_line_at_a_steady_pace() -> None:
    state = make_state()
    state.pace = Pace(step_s=0.3, line_s=2.0)
    finals(state, range(2), 10.0)
    target(state, 10.0)
    finals(state, range(2, 5), 10.1)
    seen = [target(state, 10.1 + n * 0.1)[0] for n in range(40)]
    assert sorted(set(seen)) == ["1", "2", "3"]
    assert seen == sorted(seen)
    assert (seen.count("1"), seen.count("2") >= 3) == (3, True)


def test_a_reader_is_never_more_than_two_bands_behind() -> None:
    state = make_state()
    state.pace = Pace(step_s=0.3, line_s=2.0)
    finals(state, range(2), 10.0)
    target(state, 10.0)
    finals(state, range(2, 20), 10.1)
    assert int(target(state, 10.1)[0]) >= 18 - BACKLOG_BANDS * 2


@given(streams(interleaved=True), st.integers(1, 4))
def test_the_newest_words_are_in_sight_once_the_lines_have_rolled(
    captions: list[Caption], rows: int
) -> None:
    state = make_state(rows, dwell_s=1000.0)
    state.pace = Pace(step_s=0.3, line_s=2.0)
    for nth, one in enumerate(captions):
        state.apply(one, nth * 0.1)
        state.frame(nth * 0.1)
    now_s = len(captions) * 0.1
    while (changes_s := state.changes_s) is not None and changes_s < 900:
        now_s = max(changes_s, now_s)
        state.frame(now_s)
    at_once = make_state(rows)
    for one in captions:
        at_once.apply(one, 0.0)
    frame = at_once.frame(0.0).target
    if frame:
        assert state.frame(now_s).target[-1].text == frame[-1].text


def test_reading_mode_shows_committed_words_only() -> None:
    shape = Shape(2, 200.0, measure, tentative=False)
    state = SubtitleState(shape, shape, dwell_s=5.0)
    state.apply(caption("wir haben", "das gesehen"), 0.0)
    assert target(state) == ["wir haben"]


def test_lines_stay_when_a_tentative_line_is_taken_back() -> None:
    state = make_state()
    state.apply(caption("eins", segment=0, final=True), 0.0)
    state.apply(caption("zwei", "und noch viel mehr", segment=1), 0.0)
    before = state.frame(0.0).target
    assert [line.text for line in before] == ["zwei und noch viel", "mehr"]
    state.apply(caption("zwei", "ja", segment=1, revision=1), 0.0)
    (after,) = state.frame(0.0).target
    assert (after.text, after.row) == ("zwei ja", 0)


def test_a_segment_that_grows_late_pushes_up_and_not_down() -> None:
    state = make_state(rows=3)
    state.apply(caption("a", segment=0), 0.0)
    state.apply(caption("b", segment=1), 0.0)
    assert target(state) == ["a", "b"]
    state.apply(caption("a " + "c" * 19, segment=0, revision=1, final=True), 0.0)
    assert target(state) == ["c" * 19, "b"]


def test_the_band_empties_when_the_dwell_time_is_over_and_not_before() -> None:
    state = make_state(dwell_s=5.0)
    state.apply(caption("eins", source="one", final=True), 10.0)
    assert state.expires_s == 15.0
    assert state.frame(14.99)
    assert not state.frame(15.0)
    assert state.expires_s is None
    assert not state.apply(caption("spät", revision=1), 16.0)


def test_running_text_stays_however_long_the_pause() -> None:
    state = make_state(dwell_s=5.0)
    state.apply(caption("eins", "zwei"), 0.0)
    assert state.expires_s is None
    assert target(state, 1e6) == ["eins zwei"]


def test_a_new_session_starts_an_empty_band() -> None:
    state = make_state()
    state.apply(caption("eins", segment=7, final=True), 0.0)
    state.apply(caption("neu", segment=0, session="t"), 0.0)
    assert target(state) == ["neu"]


def test_only_the_last_segments_are_kept() -> None:
    state = make_state()
    for number in range(10_000):
        state.apply(caption(f"satz {number}", segment=number, final=True), 0.0)
    assert target(state) == ["satz 9998", "satz 9999"]
    assert len(state._segments) == SEGMENTS_KEPT
    assert not state.apply(caption("alt", segment=3), 0.0)


def test_a_hidden_source_has_no_lines() -> None:
    state = make_state(source_rows=0)
    state.apply(caption("eins", source="one"), 0.0)
    assert state.frame(0.0).source == ()


def test_a_producer_that_breaks_the_rules_is_shown_as_it_is() -> None:
    state = make_state()
    state.apply(caption("eins zwei"), 0.0)
    state.apply(caption("drei", revision=1), 0.0)
    assert target(state) == ["drei"]


def test_a_new_width_lays_the_lines_anew() -> None:
    state = make_state()
    state.apply(caption("eins zwei drei"), 0.0)
    assert target(state) == ["eins zwei drei"]
    state.reshape(Shape(2, 90.0, measure), Shape(1, 90.0, measure))
    assert target(state) == ["eins zwei", "drei"]


@pytest.mark.parametrize("lang", ["ar", "heb"])
def test_a_right_to_left_language_makes_right_to_left_lines(lang: str) -> None:
    state = make_state()
    state.apply(caption("شكرا", lang=lang), 0.0)
    assert state.frame(0.0).target[0].rtl
