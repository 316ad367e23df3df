import pytest

from engine.evaluation import offline_schedule, score, trace_sentence
from engine.stability import StabilityConfig
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


OPEN = StabilityConfig(agreement=0)


def test_a_trace_holds_what_a_reader_saw() -> None:
    trace = trace_sentence(Script("x", "a b", "a b c"), "p q r", "a b c", stability=OPEN)
    assert trace.revisions == [(1.0, ("x",)), (2.0, ("a", "b")), (3.0, ("a", "b", "c"))]
    assert trace.final == ("a", "b", "c")
    assert len(trace.update_s) == 3


def test_scores_of_a_hand_computed_example() -> None:
    trace = trace_sentence(Script("x", "a b", "a b c"), "p q r", "a b c", stability=OPEN)
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
    empty = trace_sentence(Script("", ""), "p q", "a b", stability=OPEN)
    scores = score([empty])
    assert (scores.al, scores.ne, scores.changed_updates) == (0.0, 0.0, 0.0)
