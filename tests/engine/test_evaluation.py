import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.evaluation import (
    WORDS_PER_S,
    offline_schedule,
    recognizer_schedule,
    score,
    trace_sentence,
    word_schedule,
)
from engine.stability import StabilityConfig
from engine.stability_control import Dial
from engine.translator import Hypothesis


class Script:
    """A translator that says what it was told to, update by update."""

    source_lang, target_lang = "en", "de"

    def __init__(self, *outputs: str) -> None:
        self._outputs = outputs

    def start(self) -> "Script":
        self._next = iter(self._outputs)
        return self

    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        return Hypothesis(words=tuple(next(self._next).split()), n_fixed=0)


OPEN = Dial(StabilityConfig(agreement=0))


def test_a_trace_holds_what_a_reader_saw() -> None:
    trace = trace_sentence(Script("x", "a b", "a b c"), "p q r", "a b c", dial=OPEN)
    assert trace.revisions == [(1.0, ("x",)), (2.0, ("a", "b")), (3.0, ("a", "b", "c"))]
    assert trace.final == ("a", "b", "c")
    assert len(trace.update_s) == 3


def test_scores_of_a_hand_computed_example() -> None:
    trace = trace_sentence(Script("x", "a b", "a b c"), "p q r", "a b c", dial=OPEN)
    scores = score([trace])
    assert scores.ne == pytest.approx(1 / 3)  # x was taken back; three words are final
    assert scores.changed_updates == pytest.approx(1 / 3)
    # Words became what they are at 2, 2 and 3 source words read.
    assert scores.al == pytest.approx(((2 - 0) + (2 - 1) + (3 - 2)) / 3)
    assert scores.laal == pytest.approx(scores.al)
    assert scores.ap == pytest.approx((2 + 2 + 3) / 9)
    assert scores.dal == pytest.approx(((2 - 0) + (3 - 1) + (4 - 2)) / 3)


def test_offline_is_one_update_with_everything() -> None:
    trace = trace_sentence(Script("a b"), "p q r", "a b", schedule=offline_schedule)
    assert trace.revisions == [(3.0, ("a", "b"))]
    assert score([trace]).ne == 0


def test_a_sentence_without_output_counts_for_nothing_but_its_updates() -> None:
    empty = trace_sentence(Script("", ""), "p q", "a b", dial=OPEN)
    scores = score([empty])
    assert (scores.al, scores.ne, scores.changed_updates) == (0.0, 0.0, 0.0)


def test_a_recogniser_brings_short_words_together_and_makes_long_ones_wait() -> None:
    # Six words in 2.4 s, 30 letters with spaces: 80 ms a letter; the words end at 0.16, 0.32, 0.48,
    # 0.64, 2.24 and 2.4 s, that is in the steps 1, 1, 2, 2, 6 and 6 of 400 ms.
    words = ["I", "I", "I", "I", "characterisationist", "I"]
    assert list(recognizer_schedule(words)) == [2, 4, 6]
    assert list(recognizer_schedule(["same"] * 5)) == [1, 2, 3, 4, 5]


@given(st.lists(st.text("abcdef", min_size=1, max_size=12), max_size=12))
def test_every_schedule_grows_and_ends_with_all_words(words: list[str]) -> None:
    for schedule in (word_schedule, recognizer_schedule, offline_schedule):
        reads = list(schedule(words))
        assert reads == sorted(set(reads))
        assert reads[-1:] in ([len(words)], [])


def test_a_recogniser_step_is_one_word_long_on_average() -> None:
    assert WORDS_PER_S * 0.4 == 1.0
