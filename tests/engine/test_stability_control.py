"""The stability dial: a budget holds at every moment, a delay in the mean."""

import itertools
import math
from collections.abc import Sequence
from functools import partial
from statistics import mean

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.captions import Caption
from engine.live_metrics import LiveMeter
from engine.metrics import caption_erasure
from engine.session import Session
from engine.source import SourcePrefix
from engine.stability import StabilityConfig
from engine.stability_control import MOST_HIDDEN, AdjustableDial, DelayDial
from engine.translator import Hypothesis
from tests.engine.recorded import Recording
from tests.engine.test_session import contrary, streams
from tests.fakes import FakeTranslator, Policy, fickle, prefix, upper

BUDGETS = (0.0, 0.1, 0.2, 0.5)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording.load()


def feed(prefixes: Sequence[SourcePrefix], policy: Policy, budget: float) -> list[Caption]:
    stability = StabilityConfig(budget=budget)
    session = Session(FakeTranslator(policy), session="s", stability=stability)
    captions = [c for i, p in enumerate(prefixes) for c in session.feed(p, float(i))]
    return captions + session.finish(99.0)


def sentence(n_words: int, segment: int) -> list[SourcePrefix]:
    """Prefixes of a segment that grows by a word every half second."""
    words = [f"w{i}" for i in range(n_words)]
    start_s = segment * n_words / 2
    of_segment = partial(prefix, segment=segment, start_s=start_s)
    grown = [
        of_segment(" ".join(words[:n]), words[n], end_s=start_s + (n + 1) / 2)
        for n in range(n_words)
    ]
    return [*grown, of_segment(" ".join(words), finished=True, end_s=start_s + n_words / 2)]


@settings(max_examples=200)
@given(streams(), st.sampled_from([fickle, contrary, upper]), st.sampled_from(BUDGETS))
def test_the_budget_holds_at_every_moment_whatever_the_translator_does(
    prefixes: list[SourcePrefix], policy: Policy, budget: float
) -> None:
    meter = LiveMeter()
    for caption in feed(prefixes, policy, budget):
        meter.observe(caption)
        assert meter.n_erased <= budget * meter.n_committed + 1e-9


@settings(max_examples=200)
@given(streams(), st.sampled_from([fickle, contrary]))
def test_with_a_budget_of_zero_nothing_shown_is_ever_taken_back(
    prefixes: list[SourcePrefix], policy: Policy
) -> None:
    captions = feed(prefixes, policy, 0.0)
    for before, after in itertools.pairwise(captions):
        if before.segment == after.segment:
            shown = before.target.full.split()
            assert after.target.full.split()[: len(shown)] == shown


@given(streams(), st.sampled_from(BUDGETS))
def test_the_same_session_is_shown_the_same_way(
    prefixes: list[SourcePrefix], budget: float
) -> None:
    assert feed(prefixes, fickle, budget) == feed(prefixes, fickle, budget)


def test_a_translator_that_is_steady_earns_its_words_an_early_showing() -> None:
    prefixes = [p for segment in range(8) for p in sentence(10, segment)]
    captions = feed(prefixes, upper, 0.2)
    last = [c for c in captions if c.segment == 7]
    assert [len(c.target.full.split()) for c in last] == [*range(1, 11), 10]


def test_words_that_are_usually_rewritten_are_hidden_and_the_others_shown() -> None:
    def restless(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
        last = words[-1] if finished else f"{words[-1]}?"
        return Hypothesis(words=(*words[:-1], last), n_fixed=0)

    prefixes = [p for segment in range(20) for p in sentence(10, segment)]
    captions = feed(prefixes, restless, 0.05)
    last = [c for c in captions if c.segment == 19]
    assert last[-1].final
    assert sum(caption.erased for caption in last) == 0
    assert [len(c.target.full.split()) for c in last[1:-1]] == [*range(1, 10)]


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_recorded_session_stays_within_its_budget(recording: Recording, budget: float) -> None:
    captions = recording.replay(StabilityConfig(budget=budget))
    assert caption_erasure(captions) <= budget


def test_a_recorded_session_of_budget_a_fifth_is_less_than_a_second_later(
    recording: Recording,
) -> None:
    free, bound = (mean_delay(recording, StabilityConfig(budget=b)) for b in (math.inf, 0.2))
    assert bound - free < 1.0


def test_a_recorded_session_is_steadier_the_more_delay_it_is_given(recording: Recording) -> None:
    early, late = (StabilityConfig(delay_s=delay_s) for delay_s in (0.5, 3.0))
    assert mean_delay(recording, early) < mean_delay(recording, late)
    assert caption_erasure(recording.replay(late)) < caption_erasure(recording.replay(early))


def mean_delay(recording: Recording, stability: StabilityConfig) -> float:
    finals = [caption for caption in recording.replay(stability) if caption.final]
    return mean(word.delay_s for final in finals for word in final.words)


def seconds(longest: int) -> st.SearchStrategy[float]:
    """Times whose sums and means are exact: at the very delay asked for, rounding would decide."""
    return st.integers(0, 64 * longest).map(lambda n: n / 64)


@given(st.lists(seconds(20), max_size=30), seconds(10))
@example(late_s=[0.0, 1.5], delay_s=1.5)
@example(late_s=[0.0, 34 / 64], delay_s=33 / 64)
def test_the_delay_dial_hides_fewer_words_when_late_and_more_when_early(
    late_s: list[float], delay_s: float
) -> None:
    dial = DelayDial(StabilityConfig(delay_s=delay_s))
    for segment, by_s in enumerate(late_s):
        before = dial.config.mask_k
        session = Session(FakeTranslator(upper), session="s")
        (final,) = session.feed(prefix("a b", segment=segment, finished=True), 1.0 + by_s)
        dial.observe(final)
        assert 0 <= dial.config.mask_k <= MOST_HIDDEN
        if by_s > delay_s:
            assert dial.config.mask_k < before or before == 0
        else:
            assert dial.config.mask_k >= before


def test_a_dial_that_is_turned_holds_the_new_budget_from_then_on() -> None:
    dial = AdjustableDial(StabilityConfig())
    session = Session(FakeTranslator(fickle), session="s", stability=dial)
    before = [c for p in sentence(10, 0) for c in session.feed(p, 0.0)]
    assert sum(caption.erased for caption in before) > 0
    dial.turn(StabilityConfig(budget=0.0))
    after = [c for p in sentence(10, 1) for c in session.feed(p, 9.0)]
    assert [caption.erased for caption in after] == [0] * len(after)
    dial.turn(StabilityConfig(mask_k=2))
    masked = [c for p in sentence(10, 2) for c in session.feed(p, 19.0)]
    assert sum(caption.erased for caption in masked) > 0
    assert [c.seq for c in (*before, *after, *masked)] == list(range(masked[-1].seq + 1))


@given(streams(), st.sampled_from(BUDGETS), st.integers(0, 20))
def test_a_budget_turned_on_in_mid_session_holds_but_for_the_words_in_sight_then(
    prefixes: list[SourcePrefix], budget: float, turned_at: int
) -> None:
    dial = AdjustableDial(StabilityConfig())
    session = Session(FakeTranslator(fickle), session="s", stability=dial)
    meter, n_in_sight = LiveMeter(), 0
    for at, one in enumerate(prefixes):
        if at == turned_at:
            dial.turn(StabilityConfig(budget=budget))
        for caption in session.feed(one, float(at)):
            if at < turned_at:
                n_in_sight = len(caption.target.tentative.split())
            else:
                meter.observe(caption)
                assert meter.n_erased <= budget * meter.n_committed + n_in_sight + 1e-9
