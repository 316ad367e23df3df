"""Scoring a translator the way it works live: word by word, revision by revision.

The source grows by a schedule, every update goes through the stability rules that a user's
session has, and what is measured is what a reader would have seen: the final text, how late its
words came, how many were taken back, and what each update cost.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from engine.captions import Caption, Text
from engine.metrics import (
    Revision,
    average_lagging,
    average_proportion,
    differentiable_average_lagging,
    erasure,
    length_adaptive_average_lagging,
    revision_delays,
)
from engine.stability import StabilityConfig, StableTarget, common_prefix, settle
from engine.stability_control import Dial
from engine.translator import Translator

Schedule = Callable[[Sequence[str]], Iterable[int]]
"""Source words → how many of them are read at each update, the last one all."""

WORDS_PER_S = 2.5
"""Rate at which the recogniser's schedule lets sentences be spoken."""

STEP_MS = 400
"""Interval between two updates of a recogniser."""


def word_schedule(words: Sequence[str]) -> Iterable[int]:
    """One update per source word."""
    return range(1, len(words) + 1)


def recognizer_schedule(words: Sequence[str]) -> Iterable[int]:
    """One update per recogniser step in which a word ended.

    The sentence is spoken at `WORDS_PER_S`, its time shared out by letters: several short words
    may end within one step, and during a long word there are steps without an update.
    """
    if not words:
        return ()
    letters = itertools.accumulate(len(word) + 1 for word in words)
    n_letters = sum(len(word) + 1 for word in words)
    duration_ms = 1000 * len(words) / WORDS_PER_S
    steps = [math.ceil(duration_ms * spoken / n_letters / STEP_MS) for spoken in letters]
    last_of_step = [*map(int.__lt__, steps, steps[1:]), True]
    return [n_read for n_read, last in enumerate(last_of_step, 1) if last]


def offline_schedule(words: Sequence[str]) -> Iterable[int]:
    """One update with the whole sentence."""
    return (len(words),)


SCHEDULES: dict[str, Schedule] = {
    "words": word_schedule,
    "asr": recognizer_schedule,
    "offline": offline_schedule,
}


@dataclass(slots=True)
class Trace:
    """What happened while one sentence was translated."""

    source: str
    reference: str
    revisions: list[Revision] = field(default_factory=list)
    """Source words read, and the words shown then."""
    update_s: list[float] = field(default_factory=list)
    """Computation of each update, in seconds."""

    @property
    def final(self) -> tuple[str, ...]:
        """Words of the last revision."""
        return tuple(self.revisions[-1][1]) if self.revisions else ()


def trace_sentence(
    translator: Translator,
    source: str,
    reference: str,
    *,
    schedule: Schedule = word_schedule,
    dial: Dial | None = None,
) -> Trace:
    """Translate one sentence while it grows.

    Args:
        translator: to be watched.
        source: the complete sentence.
        reference: its translation.
        schedule: how it grows.
        dial: says what is shown and committed, and learns from it for the next sentence; the
            default rules if None. A delay in seconds cannot be held: words have no times here.
    """
    dial = dial or Dial(StabilityConfig())
    trace = Trace(source, reference)
    words = source.split()
    session, state = translator.start(), StableTarget()
    for n_read in schedule(words):
        finished = n_read == len(words)
        prefix = " ".join(words[:n_read])
        start = time.perf_counter()
        hypothesis = session.update(prefix, finished=finished, committed=state.committed)
        trace.update_s.append(time.perf_counter() - start)
        before = state
        state = settle(
            before,
            hypothesis,
            evidence=prefix,
            finished=finished,
            config=dial.config,
            allowance=dial.allowance,
        )
        dial.observe_hypothesis(before.newest, state.newest)
        dial.observe(_caption(translator, prefix, before, state, final=finished))
        trace.revisions.append((float(n_read), state.shown))
    return trace


def _caption(
    translator: Translator, prefix: str, before: StableTarget, now: StableTarget, *, final: bool
) -> Caption:
    """What a dial sees of a revision: a caption that nobody numbered or timed."""
    return Caption(
        session="",
        seq=0,
        segment=0,
        revision=0,
        source=Text(lang=translator.source_lang, committed=prefix, tentative=""),
        target=Text(
            lang=translator.target_lang,
            committed=" ".join(now.committed),
            tentative=" ".join(now.tentative),
        ),
        final=final,
        start_s=0.0,
        end_s=0.0,
        emitted_s=0.0,
        erased=len(before.shown) - common_prefix(before.shown, now.shown),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamingScores:
    """Means over sentences of what `engine.metrics` defines; delays in source words."""

    al: float
    laal: float
    dal: float
    ap: float
    ne: float
    changed_updates: float
    """Share of updates that took back a word that was shown."""


def score(traces: Sequence[Trace]) -> StreamingScores:
    """Score the traces of a test set; sentences without output have no delays."""
    rows = []
    n_erased = n_final = n_changed = n_updates = 0
    for trace in traces:
        outputs = [tuple(shown) for _, shown in trace.revisions]
        n_erased += erasure(outputs)
        n_final += len(trace.final)
        n_updates += len(outputs)
        pairs = itertools.pairwise(outputs)
        n_changed += sum(after[: len(before)] != before for before, after in pairs)
        delays = revision_delays(trace.revisions)
        n_source, n_reference = len(trace.source.split()), len(trace.reference.split())
        if delays and n_source and n_reference:
            rows.append(
                (
                    average_lagging(delays, n_source, n_reference),
                    length_adaptive_average_lagging(delays, n_source, n_reference),
                    differentiable_average_lagging(delays, n_source),
                    average_proportion(delays, n_source, n_reference),
                )
            )
    al, laal, dal, ap = (
        (sum(column) / len(rows) for column in zip(*rows, strict=True)) if rows else (0.0,) * 4
    )
    return StreamingScores(
        al=al,
        laal=laal,
        dal=dal,
        ap=ap,
        ne=n_erased / max(1, n_final),
        changed_updates=n_changed / max(1, n_updates),
    )
