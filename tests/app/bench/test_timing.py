"""Timing, with translators that take as long as they are told."""

import pytest

from app.bench import timing
from app.bench.timing import Timings, make_sentence, time_one_update, time_systems
from engine.translator import Hypothesis

WORDS = ["one", "two", "three", "four", "five"]


class Clock:
    """Seconds that pass only when a translator works."""

    now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s


class Working:
    """Takes so many seconds per source word."""

    source_lang, target_lang = "en", "de"

    def __init__(self, clock: Clock, s_per_word: float) -> None:
        self._clock, self._s_per_word = clock, s_per_word

    def start(self) -> "Working":
        return self

    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        assert finished or committed == ()
        self._clock.now_s += self._s_per_word * len(source_prefix.split())
        return Hypothesis(words=tuple(source_prefix.split()), n_fixed=0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    monkeypatch.setattr("engine.evaluation.time", clock)
    return clock


def test_a_sentence_has_as_many_words_as_were_asked_for() -> None:
    assert make_sentence(WORDS, 7, 0) == "one two three four five one two"
    assert make_sentence(WORDS, 3, 1) == "three four five"


def test_figures_are_means_over_the_updates_of_a_sentence(clock: Clock) -> None:
    systems = {"slow": Working(clock, 0.003), "fast": Working(clock, 0.001)}
    timings = time_systems(systems, WORDS, [("words", 3)], n_rounds=4)
    # Updates of 1, 2 and 3 words: 2 words on average.
    assert timings.updates["words", 3]["slow"] == pytest.approx([6.0] * 4)
    assert timings.ratio("slow", "fast", [("words", 3)]) == pytest.approx(3.0)


def test_a_ratio_is_taken_within_a_round_so_that_a_slow_moment_hits_both() -> None:
    timings = Timings({("words", 20): {"a": [2.0, 20.0, 2.0], "b": [1.0, 10.0, 1.0]}})
    assert timings.ratio("a", "b", [("words", 20)]) == 2.0
    assert timings.ratio("a", "c", [("words", 20)]) is None


@pytest.mark.parametrize(
    ("budget_s", "n_rounds"),
    [(5.0, (1, 1)), (30.0, (5, 2)), (33.0, (5, 3)), (200.0, (9, 9))],
)
def test_no_round_begins_that_would_last_too_long(
    clock: Clock, budget_s: float, n_rounds: tuple[int, int]
) -> None:
    # Rounds of 1 + 2 and of 1 + 2 + 3 seconds.
    systems = {"only": Working(clock, 1.0)}
    cases = [("words", 3), ("words", 2)]
    timings = time_systems(systems, WORDS, cases, n_rounds=9, budget_s=budget_s)
    assert list(timings.updates) == cases
    short, long = timings.updates["words", 2]["only"], timings.updates["words", 3]["only"]
    assert (len(short), len(long)) == n_rounds


def test_whoever_prepares_knows_what_will_be_translated(clock: Clock) -> None:
    prepared: list[object] = []
    systems = {"only": Working(clock, 1.0)}
    time_systems(systems, WORDS, [("words", 2)], n_rounds=1, prepare=prepared.append)
    assert prepared[-1] == [("one", False), ("one two", True)]


def test_growth_is_that_of_a_single_update(clock: Clock) -> None:
    assert time_one_update(Working(clock, 0.1), WORDS, (10, 60), n_rounds=3) == pytest.approx(6.0)
