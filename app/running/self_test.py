"""The self-test at start: does this machine keep up with these models?"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Protocol, runtime_checkable

from engine.multilingual import text_translators
from engine.recognizer_config import FRAME_MS
from engine.translator import Translator

LIMIT_S = 2.0
"""No further round is begun after this time, but for the second."""

_COMFORTABLE = 0.8  # share of the time that work may take; the rest is for everything else
_LONGEST_STEP_MS = 4_000
_TEXT = " ".join(map(str, range(20)))  # as long as a usual source prefix


@runtime_checkable
class Rehearsable(Protocol):
    """A reader that can do the work of one step for a test."""

    @property
    def step_ms(self) -> int:
        """How much new sound a step waits for."""
        ...

    def rehearse(self) -> None:
        """Do the work of one step, at its longest; the stream does not notice."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a self-test found."""

    real_time_factor: float
    """Seconds of work for a second of speech, at most."""
    step_ms: int
    """The step that was tested."""

    @property
    def keeps_up(self) -> bool:
        """Whether there is time to spare."""
        return self.real_time_factor <= _COMFORTABLE

    @property
    def enough_step_ms(self) -> int | None:
        """The shortest step with which this machine would keep up, None if none would."""
        needed_ms = self.real_time_factor * self.step_ms / _COMFORTABLE
        n_frames = -int(-needed_ms // FRAME_MS)  # rounded up
        return n_frames * FRAME_MS if n_frames * FRAME_MS <= _LONGEST_STEP_MS else None

    def __str__(self) -> str:
        """One line for the user."""
        work = f"{self.real_time_factor:.2f} s of work for a second of speech"
        if self.keeps_up:
            return f"This machine keeps up: {work} at most"
        if self.enough_step_ms is None:
            return f"This machine is too slow for these models ({work}): expect finals only"
        return (
            f"This machine may fall behind ({work}): with step_ms = {self.enough_step_ms} "
            "in the table [recognizer] of the settings it would keep up"
        )


def self_test(
    reader: object,
    translator: Translator,
    *,
    clock: Callable[[], float] = time.perf_counter,
    processor: Callable[[], float] = time.process_time,
) -> Verdict | None:
    """Time the work of a step, recognition and translation, for about two seconds.

    The longest work that a step can be is timed: a full buffer of sound, and a translation for
    every step. A round counts by the clock or by the processor's time, whichever is less: what
    other programs do meanwhile, at a start above all, says nothing of this machine, and neither do
    threads that share the work. The first round, which loads what is loaded only once, does not
    count; of the others the middle one does.

    Args:
        reader: of the session to come; a reader of text has nothing to test.
        translator: of the session to come; of several, one for each language, the first.
        clock: seconds.
        processor: seconds of computation, of all threads.
    """
    if not isinstance(reader, Rehearsable):
        return None
    translates = next(iter(text_translators(translator).values()), translator)
    rounds_s: list[float] = []
    begin_s = clock()
    while clock() - begin_s < LIMIT_S or len(rounds_s) < 2:
        before_s = clock(), processor()
        reader.rehearse()
        with contextlib.suppress(ValueError):  # a model that reads no such text is quick
            translates.start().update(_TEXT, finished=False)
        rounds_s.append(min(clock() - before_s[0], processor() - before_s[1]))
    return Verdict(1000 * median(rounds_s[1:]) / reader.step_ms, reader.step_ms)
