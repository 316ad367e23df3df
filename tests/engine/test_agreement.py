from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.acoustics import Token
from engine.agreement import MATCH_FRAMES, Word, WordAgreement, group_words, words_after

NEVER = 1000
NO_PAUSE = 1000


def token(piece: str, first: int, last: int | None = None, confidence: float = 0.9) -> Token:
    return Token(piece, first, first if last is None else last, confidence)


def words(*placed: tuple[str, int]) -> list[Word]:
    return [Word(text, (token(f"▁{text}", frame),)) for text, frame in placed]


def texts(found: Iterable[Word]) -> list[str]:
    return [word.text for word in found]


def agreement(right_context: int = 5, n_agreeing: int = 1, certain: int = NEVER) -> WordAgreement:
    return WordAgreement(right_context=right_context, n_agreeing=n_agreeing, certain_after=certain)


def test_tokens_are_joined_to_words_at_the_marks() -> None:
    found = group_words([token("▁sail", 3, confidence=0.9), token("ing", 5, 6, 0.4)])
    assert texts(found) == ["sailing"]
    assert (found[0].first_frame, found[0].last_frame) == (3, 6)
    assert found[0].confidence == 0.4


def test_a_mark_of_its_own_only_separates() -> None:
    found = group_words([token("▁a", 0), token("▁", 2), token("b", 9), token("▁", 12)])
    assert texts(found) == ["a", "b"]
    assert found[1].first_frame == 9


def test_a_first_token_without_a_mark_is_a_word() -> None:
    assert texts(group_words([token("ing", 0), token("▁go", 3)])) == ["ing", "go"]
    assert group_words([]) == []


def test_a_word_waits_for_agreement_and_right_context() -> None:
    state = agreement()
    state.step(words(("we", 1)), 10, pause_frames=NO_PAUSE)
    assert (texts(state.committed), texts(state.tentative)) == ([], ["we"])
    state.step(words(("we", 2), ("go", 12)), 15, pause_frames=NO_PAUSE)
    assert (texts(state.committed), texts(state.tentative)) == (["we"], ["go"])
    state.step(words(("we", 2), ("go", 12)), 17, pause_frames=NO_PAUSE)
    assert texts(state.committed) == ["we"]
    state.step(words(("we", 2), ("go", 12)), 18, pause_frames=NO_PAUSE)
    assert texts(state.committed) == ["we", "go"]


def test_a_word_that_moved_too_far_does_not_agree() -> None:
    state = agreement()
    state.step(words(("we", 1)), 10, pause_frames=NO_PAUSE)
    state.step(words(("we", 4)), 15, pause_frames=NO_PAUSE)
    assert texts(state.committed) == []


def test_a_word_must_agree_with_as_many_steps_as_asked() -> None:
    state = agreement(n_agreeing=2)
    for n_frames, expected in ((10, []), (15, []), (20, ["we"])):
        state.step(words(("we", 1)), n_frames, pause_frames=NO_PAUSE)
        assert texts(state.committed) == expected


def test_without_agreement_asked_right_context_suffices() -> None:
    state = agreement(n_agreeing=0)
    state.step(words(("we", 1), ("go", 8)), 10, pause_frames=NO_PAUSE)
    assert texts(state.committed) == ["we"]


def test_a_word_that_comes_and_goes_does_not_hold_up_the_others_for_ever() -> None:
    state = agreement(certain=20)
    for step in range(6):
        flickering = words(("uh" if step % 2 else "a", 1), ("go", 3))
        state.step(flickering, 10 + 5 * step, pause_frames=NO_PAUSE)
    assert texts(state.committed) == ["uh", "go"]


def test_what_follows_a_pause_is_not_committed_with_what_precedes_it() -> None:
    state = agreement(n_agreeing=0)
    hypothesis = words(("we", 1), ("go", 9))
    state.step(hypothesis, 30, pause_frames=5)
    assert (texts(state.committed), texts(state.tentative)) == (["we"], ["go"])
    state.step(hypothesis, 30, pause_frames=5)
    assert texts(state.committed) == ["we", "go"]


def test_the_rest_starts_behind_the_last_committed_word_even_if_it_moved() -> None:
    committed = words(("we", 1), ("go", 5))
    assert texts(words_after(committed, words(("we", 1), ("go", 7), ("home", 9)))) == ["home"]
    assert texts(words_after(committed, words(("go", 4), ("home", 9)))) == ["home"]


def test_a_word_said_twice_is_kept_twice() -> None:
    committed = words(("no", 5))
    assert texts(words_after(committed, words(("no", 5), ("no", 9)))) == ["no"]
    assert texts(words_after(committed, words(("no", 6), ("no", 7)))) == ["no"]


def test_where_the_hypothesis_disagrees_with_the_committed_time_decides() -> None:
    committed = words(("we", 1), ("go", 5))
    assert texts(words_after(committed, words(("he", 1), ("goes", 5), ("home", 9)))) == ["home"]


def test_finishing_keeps_what_is_committed_and_grafts_the_rest() -> None:
    state = agreement(n_agreeing=0)
    state.step(words(("we", 1), ("go", 5), ("hum", 14)), 15, pause_frames=NO_PAUSE)
    state.finish(words(("he", 1), ("goes", 5), ("home", 14), ("now", 18)))
    assert texts(state.committed) == ["we", "go", "home", "now"]
    assert texts(state.tentative) == []


hypotheses = st.lists(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 8)), max_size=6), max_size=8
)


@given(hypotheses, st.integers(0, 2))
def test_committed_words_only_grow_and_lie_in_order(
    placed: list[list[tuple[str, int]]], n_agreeing: int
) -> None:
    state = agreement(right_context=3, n_agreeing=n_agreeing, certain=12)
    before: list[Word] = []
    for step, hypothesis in enumerate(placed):
        frame, found = 0, []
        for text, distance in hypothesis:
            frame += 1 + distance
            found.append((text, frame))
        state.step(words(*found), max(frame + 1, 5 * step), pause_frames=4)
        assert list(state.committed[: len(before)]) == before
        before = list(state.committed)
        for earlier, later in pairwise(before):
            assert later.first_frame >= earlier.first_frame - MATCH_FRAMES
