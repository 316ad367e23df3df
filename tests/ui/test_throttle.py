import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtTest import QSignalSpy
from PyQt6.QtWidgets import QApplication

from tests.fakes import ManualClock
from ui.throttle import PER_SECOND, Throttle

pytestmark = pytest.mark.usefixtures("qt")


class Counted:
    """A throttled action and when it happened."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.times: list[float] = []
        self.throttle = Throttle(lambda: self.times.append(self.clock.now_s), clock=self.clock)


def test_the_first_requests_after_a_pause_do_not_wait() -> None:
    counted = Counted()
    for now_s in (5.0, 5.01, 5.02):
        counted.clock.now_s = now_s
        counted.throttle.request()
    assert counted.times == [5.0, 5.01, 5.02]


def test_a_flood_waits_for_its_turn_and_comes_as_one(qt: QApplication) -> None:
    counted = Counted()
    for _ in range(50):
        counted.throttle.request()
    assert len(counted.times) == 3
    counted.clock.now_s = 0.04
    assert QSignalSpy(counted.throttle._timer.timeout).wait(1000)
    assert counted.times == [0.0, 0.0, 0.0, 0.04]


@given(st.lists(st.floats(0.0, 0.1), max_size=200))
def test_there_are_at_most_thirty_in_any_second(gaps_s: list[float]) -> None:
    counted = Counted()
    for gap_s in gaps_s:
        counted.clock.now_s += gap_s
        counted.throttle.request()
    for start_s in counted.times:
        within = [at_s for at_s in counted.times if start_s <= at_s < start_s + 1]
        assert len(within) <= PER_SECOND
