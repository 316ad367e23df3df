"""Load: which measures are taken when the machine is too slow, and taken back when it is not."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.captions import LoadState
from engine.load import LoadControl

ITEM_S = 0.1


class Machine:
    """Reads items of 0.1 s, each of which costs some work, as soon as it can."""

    def __init__(self) -> None:
        self.load = LoadControl()
        self.now_s = self.read_s = 0.0
        self.states: list[LoadState] = []

    def run(self, seconds: float, rtf: float) -> None:
        """Read this much of the source; a longer step costs less."""
        for _ in range(round(seconds / ITEM_S)):
            self.read_s += ITEM_S
            work_s = rtf * ITEM_S / self.load.step_factor
            self.now_s = max(self.now_s, self.read_s) + work_s
            self.load.worked(work_s)
            self.load.read(self.read_s, self.now_s)
            if self.states[-1:] != [self.load.state]:
                self.states.append(self.load.state)


def test_a_machine_that_is_fast_enough_takes_no_measure() -> None:
    machine = Machine()
    machine.run(60, 0.9)
    assert machine.states == [LoadState.KEEPING_UP]
    assert machine.load.real_time_factor == pytest.approx(0.9)


def test_longer_steps_are_tried_first_and_are_enough_for_some_machines() -> None:
    machine = Machine()
    machine.run(60, 1.8)
    assert machine.load.state is LoadState.STRETCHED
    assert machine.load.lag_s < 1.0
    assert LoadState.FINALS_ONLY not in machine.states


def test_a_machine_that_is_far_too_slow_gives_finals_only() -> None:
    machine = Machine()
    machine.run(60, 8.0)
    assert machine.states == [LoadState.KEEPING_UP, LoadState.STRETCHED, LoadState.FINALS_ONLY]


def test_measures_are_taken_back_one_by_one_when_the_lag_is_gone() -> None:
    machine = Machine()
    machine.run(20, 8.0)
    machine.run(300, 0.1)
    assert machine.states == [
        LoadState.KEEPING_UP,
        LoadState.STRETCHED,
        LoadState.FINALS_ONLY,
        LoadState.STRETCHED,
        LoadState.KEEPING_UP,
    ]
    assert machine.load.step_factor == 1


def test_a_machine_that_keeps_relapsing_is_tried_ever_more_rarely() -> None:
    machine = Machine()
    machine.run(300, 1.5)
    early = len(machine.states)
    machine.run(300, 1.5)
    assert len(machine.states) - early < early


def test_the_factor_is_unknown_until_a_second_was_read() -> None:
    machine = Machine()
    machine.run(0.5, 0.5)
    assert machine.load.real_time_factor is None


@given(st.lists(st.tuples(st.floats(0.1, 5.0), st.floats(0.0, 20.0)), max_size=20))
def test_any_history_changes_one_measure_at_a_time(history: list[tuple[float, float]]) -> None:
    machine = Machine()
    order = list(LoadState)
    for seconds, rtf in history:
        machine.run(seconds, rtf)
    places = [order.index(state) for state in machine.states]
    assert all(abs(a - b) == 1 for a, b in itertools.pairwise(places))
