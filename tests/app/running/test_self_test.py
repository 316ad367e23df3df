"""The self-test says before the start what the lag would say after it."""

from app.running.self_test import LIMIT_S, self_test
from engine.live_text import LiveText
from engine.multilingual import MultilingualTranslator
from tests.fakes import FakeTranslator, ManualClock, upper


class TimedReader:
    """A recogniser whose step takes a known time; the first one may take longer."""

    step_ms = 400

    def __init__(self, step_s: float, first_s: float, others: float, n_threads: int) -> None:
        self.clock, self.processor = ManualClock(), ManualClock()
        self._step_s, self._first_s = step_s, first_s
        self._others, self._n_threads = others, n_threads

    def rehearse(self) -> None:
        work_s = self._step_s + self._first_s
        self.clock.now_s += work_s / (1 - self._others)
        self.processor.now_s += work_s * self._n_threads
        self._first_s = 0.0


def verdict(step_s: float, first_s: float = 0.0, *, others: float = 0.0, n_threads: int = 1) -> str:
    """What is said; `others` is the share of the processors that other programs take."""
    reader = TimedReader(step_s, first_s, others, n_threads)
    clocks = {"clock": reader.clock, "processor": reader.processor}
    said = str(self_test(reader, FakeTranslator(upper), **clocks))
    slowed_s = step_s / (1 - others)
    assert reader.clock.now_s <= max(LIMIT_S, slowed_s + first_s) + slowed_s
    return said


def test_a_fast_machine_is_told_by_how_much_it_keeps_up() -> None:
    said = "This machine keeps up: 0.25 s of work for a second of speech at most"
    assert verdict(0.1) == said
    assert verdict(0.1, first_s=1.0) == said
    assert verdict(0.1, first_s=60.0) == said  # models that load slowly do not compute slowly


def test_what_other_programs_do_at_the_start_does_not_make_a_machine_slow() -> None:
    assert verdict(0.1, others=0.75) == verdict(0.1)


def test_threads_that_share_the_work_are_counted_by_the_clock() -> None:
    assert verdict(0.1, n_threads=4) == verdict(0.1)


def test_a_slow_machine_is_told_which_step_would_do() -> None:
    said = verdict(0.5)
    assert "may fall behind (1.25 s of work" in said
    assert "step_ms = 640" in said


def test_a_machine_that_no_step_could_help_is_told_so() -> None:
    assert "too slow" in verdict(5.0)


def test_one_of_the_translators_of_several_languages_is_tested() -> None:
    reader, translator = TimedReader(0.5, 0.0, 0.0, 1), FakeTranslator(upper)
    several = MultilingualTranslator({"en": translator}, target_lang="de")
    self_test(reader, several, clock=reader.clock, processor=reader.processor)
    assert translator.n_sessions


def test_text_needs_no_test() -> None:
    clock = ManualClock()
    assert self_test(LiveText("en", clock), FakeTranslator(upper), clock=clock) is None
