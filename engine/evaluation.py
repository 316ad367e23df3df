"""Scoring a translator the way it works live: word by word, revision by revision.

The source grows by a schedule, every update goes through the stability rules that a user's
session has, and what is measured is what a reader would have seen: the final text, how late its
words came, how many were taken back, and what each update cost.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from engine.metrics import (
    Revision,
    average_lagging,
    average_proportion,
    differentiable_average_lagging,
    erasure,
    length_adaptive_average_lagging,
    revision_delays,
)
from engine.stability import StabilityConfig, StableTarget, settle
from engine.translator import Translator

Schedule = Callable[[int], Iterable[int]]
"""Number of source words → how many of them are read at each update, the last one all."""


def word_schedule(n_words: int) -> Iterable[int]:
    """One update per source word."""
    return range(1, n_words + 1)


def offline_schedule(n_words: int) -> Iterable[int]:
    """One update with the whole sentence."""
    return (n_words,)


SCHEDULES: dict[str, Schedule] = {"words": word_schedule, "offline": offline_schedule}


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
    stability: StabilityConfig | None = None,
) -> Trace:
    """Translate one sentence while it grows."""
    trace = Trace(source, reference)
    words = source.split()
    session, state = translator.start(), StableTarget()
    for n_read in schedule(len(words)):
        finished = n_read == len(words)
        prefix = " ".join(words[:n_read])
        start = time.perf_counter()
        hypothesis = session.update(prefix, finished=finished, committed=state.committed)
        trace.update_s.append(time.perf_counter() - start)
        state = settle(
            state,
            hypothesis,
            evidence=prefix,
            finished=finished,
            config=stability or StabilityConfig(),
        )
        trace.revisions.append((float(n_read), state.shown))
    return trace


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
