from hypothesis import given
from hypothesis import strategies as st

from engine.captions import Caption
from tests.ui.streams import caption, streams
from ui.motion import FADE_FROM, FADE_S, SLIDE_S, Motion, Sprite
from ui.state import Pace, Shape, SubtitleState


def measure(text: str) -> float:
    return 10.0 * len(text)


def make_state(rows: int = 2) -> SubtitleState:
    return SubtitleState(Shape(rows, 200.0, measure), Shape(1, 200.0, measure), dwell_s=5.0)


def sprites(motion: Motion, now_s: float) -> dict[str, Sprite]:
    return {one.word.text: one for one in motion.sprites(now_s)}


def show(motion: Motion, state: SubtitleState, one: Caption, now_s: float) -> None:
    state.apply(one, now_s)
    motion.show(state.frame(now_s).target, now_s)


def test_a_new_word_can_be_read_at_once_and_is_opaque_soon() -> None:
    motion, state = Motion(), make_state()
    show(motion, state, caption("", "eins"), 0.0)
    assert sprites(motion, 0.0)["eins"].alpha == FADE_FROM
    assert FADE_FROM < sprites(motion, FADE_S / 2)["eins"].alpha < 1
    assert sprites(motion, FADE_S)["eins"].alpha == 1
    assert not motion.moving(FADE_S)


def test_a_word_that_replaces_another_fades_in_alone_and_the_others_stay() -> None:
    motion, state = Motion(), make_state()
    show(motion, state, caption("ich", "geh"), 0.0)
    show(motion, state, caption("ich", "kam", revision=1), 1.0)
    start, half = sprites(motion, 1.0), sprites(motion, 1.0 + FADE_S / 2)
    assert start["ich"].alpha == half["ich"].alpha == 1
    assert "geh" not in start
    assert FADE_FROM == start["kam"].alpha < half["kam"].alpha < 1


def test_a_word_that_is_taken_back_fades_out_where_nothing_takes_its_place() -> None:
    motion, state = Motion(), make_state()
    show(motion, state, caption("ich", "geh weg"), 0.0)
    show(motion, state, caption("ich", "geh", revision=1), 1.0)
    assert 1 > sprites(motion, 1.0)["weg"].alpha > sprites(motion, 1.0 + FADE_S / 2)["weg"].alpha
    assert "weg" not in sprites(motion, 1.01 + FADE_S)
    show(motion, state, caption("ich", "geh jetzt", revision=2), 1.0 + FADE_S / 2)
    assert "weg" not in sprites(motion, 1.0 + FADE_S / 2)


def test_a_word_that_is_committed_where_it_stands_does_not_fade_again() -> None:
    motion, state = Motion(), make_state()
    show(motion, state, caption("", "eins"), 0.0)
    show(motion, state, caption("eins", revision=1), 1.0)
    assert sprites(motion, 1.0)["eins"].alpha == 1
    assert not motion.moving(1.0)


def test_lines_slide_by_one_row_and_the_top_one_leaves() -> None:
    motion, state = Motion(), make_state()
    for number, text in enumerate(("eins", "zwei")):
        show(motion, state, caption(text, segment=number, final=True), 0.0)
    show(motion, state, caption("drei", segment=2, final=True), 1.0)
    start, half = sprites(motion, 1.0), sprites(motion, 1.0 + SLIDE_S / 2)
    assert [start[word].row for word in ("eins", "zwei", "drei")] == [0, 1, 2]
    assert 0 < half["zwei"].row < 1
    assert half["eins"].row < 0
    end = sprites(motion, 1.01 + SLIDE_S)
    assert {word: one.row for word, one in end.items()} == {"zwei": 0, "drei": 1}


def test_reduced_motion_shows_everything_at_once() -> None:
    motion, state = Motion(enabled=False), make_state()
    for number, text in enumerate(("eins", "zwei", "drei")):
        show(motion, state, caption(text, segment=number, final=True), 0.0)
    assert {word: (one.row, one.alpha) for word, one in sprites(motion, 0.0).items()} == {
        "zwei": (0, 1),
        "drei": (1, 1),
    }
    assert not motion.moving(0.0)


def test_it_is_painted_once_more_when_it_has_come_to_rest() -> None:
    motion, state = Motion(), make_state()
    show(motion, state, caption("eins"), 0.0)
    assert [motion.tick(at_s) for at_s in (0.0, FADE_S, 2 * FADE_S)] == [True, True, False]


@given(streams(interleaved=True), st.integers(1, 4), st.floats(0.01, 0.5))
def test_a_committed_word_keeps_its_column_and_never_goes_down(
    captions: list[Caption], rows: int, step_s: float
) -> None:
    motion, state = Motion(), make_state(rows)
    state.pace = Pace(0.3, 1.0)
    placed: dict[tuple[int, int, int], tuple[float, float]] = {}
    for nth, one in enumerate(captions):
        now_s = nth * step_s
        show(motion, state, one, now_s)
        before, placed = placed, {}
        for line in motion._lines:
            for number, word in enumerate(line.words):
                if not word.committed:
                    continue
                key = line.segment, line.index, number
                row = line.row + motion._slide(now_s)
                x, row_before = before.get(key, (word.x, row))
                assert word.x == x
                assert row <= row_before + 1e-9
                placed[key] = x, row
