"""The self-test says before the start what the lag would say after it."""

from app.self_test import LIMIT_S, self_test
from engine.live_text import LiveText
from tests.fakes import FakeTranslator, ManualClock, upper


class TimedReader:
    """A recogniser whose step takes a known time; the first one takes a second longer."""

    step_ms = 400

    def __init__(self, clock: ManualClock, step_s: float, first_s: float = 0.0) -> None:
        self._clock = clock
        self._step_s = step_s
        self._first_s = first_s

    def rehearse(self) -> None:
        self._clock.now_s += self._step_s + self._first_s
        self._first_s = 0.0


def verdict(step_s: float, first_s: float = 0.0) -> str:
    clock = ManualClock()
    reader = TimedReader(clock, step_s, first_s)
    said = str(self_test(reader, FakeTranslator(upper), clock=clock))
    assert clock.now_s <= max(LIMIT_S, step_s + first_s) + step_s
    return said


def test_a_fast_machine_is_told_by_how_much_it_keeps_up() -> None:
    said = "This machine keeps up: 0.25 s of work for a second of speech at most"
    assert verdict(0.1) == said
    assert verdict(0.1, first_s=1.0) == said
    assert verdict(0.1, first_s=60.0) == said  # models that load slowly do not compute slowly


def test_a_slow_machine_is_told_which_step_would_do() -> None:
    said = verdict(0.5)
    assert "may fall behind (1.25 s of work" in said
    assert "step_ms = 640" in said


def test_a_machine_that_no_step_could_help_is_told_so() -> None:
    assert "too slow" in verdict(5.0)


def test_text_needs_no_test() -> None:
    clock = ManualClock()
    assert self_test(LiveText("en", clock), FakeTranslator(upper), clock=clock) is None
