"""What an update costs: systems side by side, interleaved, so that a busy machine is fair to all.

Each round translates one sentence, growing by a schedule, with every system in turn; figures are
medians over rounds, and a ratio is that of two systems within a round. Nothing commits before
the sentence ends: a re-translator has no forced prefix that would spare it work.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.evaluation import SCHEDULES, trace_sentence
from engine.stability import StabilityConfig
from engine.stability_control import Dial, make_dial
from engine.translator import Translator

UNCOMMITTED = Dial(StabilityConfig(agreement=0))

Case = tuple[str, int]
"""A schedule, and the words of a sentence."""

Prefixes = Sequence[tuple[str, bool]]
"""The source prefixes of a sentence, and whether each is all of it."""


@dataclass(slots=True)
class Timings:
    """Mean milliseconds of the updates of a sentence: case → system → one figure a round."""

    updates: dict[Case, dict[str, list[float]]] = field(default_factory=dict)

    def ratios(self, slow: str, fast: str, cases: Sequence[Case]) -> list[float]:
        """How many times as long `slow` takes, round by round, the cases taken together."""
        rounds = zip(*(self._pairs(slow, fast, case) for case in cases), strict=False)
        return [sum(one for one, _ in pairs) / sum(two for _, two in pairs) for pairs in rounds]

    def ratio(self, slow: str, fast: str, cases: Sequence[Case]) -> float | None:
        """Their median; None without a round."""
        ratios = self.ratios(slow, fast, cases)
        return statistics.median(ratios) if ratios else None

    def _pairs(self, slow: str, fast: str, case: Case) -> list[tuple[float, float]]:
        systems = self.updates.get(case, {})
        return list(zip(systems.get(slow, ()), systems.get(fast, ()), strict=False))


def make_sentence(words: Sequence[str], n_words: int, index: int) -> str:
    """A sentence of exactly so many words, out of a text that goes round."""
    start = index * 7
    return " ".join(words[(start + i) % len(words)] for i in range(n_words))


def prefixes_of(sentence: str, schedule: str) -> Prefixes:
    """What is translated while a sentence grows by a schedule."""
    words = sentence.split()
    return [
        (" ".join(words[:n_read]), n_read == len(words)) for n_read in SCHEDULES[schedule](words)
    ]


def time_systems(
    systems: Mapping[str, Translator],
    words: Sequence[str],
    cases: Sequence[Case],
    *,
    n_rounds: int,
    budget_s: float = float("inf"),
    prepare: Callable[[Prefixes], None] = lambda prefixes: None,
    progress: Callable[[float], None] = lambda done: None,
) -> Timings:
    """Measure every system in every case.

    Args:
        systems: by name.
        words: of the text that sentences are made of.
        cases: to measure.
        n_rounds: sentences per case, at most; each is seen by all systems in turn.
        budget_s: for all cases; each has its share, the longer ones also what the shorter ones
            left, and no second round begins that would last longer, judging by those before.
        prepare: told what will be translated, before the clock runs.
        progress: told the part that is done.
    """
    timings = Timings({case: {name: [] for name in systems} for case in cases})
    schedule, n_words = cases[0]
    sentence = make_sentence(words, n_words, 0)
    prepare(prefixes_of(sentence, schedule))
    for translator in systems.values():
        _mean_update_ms(translator, sentence, schedule)
    began = time.perf_counter()
    names = list(systems)
    in_order = sorted(cases, key=lambda case: case[1])
    for n_done, (schedule, n_words) in enumerate(in_order):
        case_began = time.perf_counter()
        share_s = (budget_s - (case_began - began)) / (len(cases) - n_done)
        for index in range(n_rounds):
            sentence = make_sentence(words, n_words, index)
            prepare(prefixes_of(sentence, schedule))
            shift = index % len(names)  # nobody is always first
            for name in names[shift:] + names[:shift]:
                took_ms = _mean_update_ms(systems[name], sentence, schedule)
                timings.updates[schedule, n_words][name].append(took_ms)
            progress((n_done + (index + 1) / n_rounds) / len(cases))
            mean_s = (time.perf_counter() - case_began) / (index + 1)
            if mean_s * (index + 2) > share_s:
                break
    return timings


def time_on_sentences(
    systems: Mapping[str, tuple[Translator, StabilityConfig]],
    sentences: Sequence[str],
    progress: Callable[[float], None],
) -> dict[str, float]:
    """Milliseconds of an update, word by word: median over sentences of the mean over updates.

    Args:
        systems: by name, and the rules of what commits: committed words spare some of them work.
        sentences: each translated by all systems in turn; the first one warms up.
        progress: told the part that is done.
    """
    costs: dict[str, list[float]] = {name: [] for name in systems}
    names = list(systems)
    for index, sentence in enumerate([sentences[0], *sentences]):
        shift = index % len(names)
        for name in names[shift:] + names[:shift]:
            translator, stability = systems[name]
            trace = trace_sentence(translator, sentence, "", dial=make_dial(stability))
            costs[name].append(1000 * statistics.fmean(trace.update_s))
        progress(index / len(sentences))
    return {name: statistics.median(values[1:]) for name, values in costs.items()}


def time_one_update(
    translator: Translator,
    words: Sequence[str],
    lengths: tuple[int, int],
    *,
    n_rounds: int,
    budget_s: float = float("inf"),
) -> float:
    """Median ratio of the cost of one update at the second length to that at the first.

    The update before it is part of the session, but not of the measurement; no further round
    begins after `budget_s`.
    """
    ratios: list[float] = []
    started = time.perf_counter()
    for index in range(n_rounds):
        costs = []
        for n_words in lengths:
            sentence = make_sentence(words, n_words, index).split()
            session = translator.start()
            session.update(" ".join(sentence[:-1]), finished=False)
            began = time.perf_counter()
            session.update(" ".join(sentence), finished=False)
            costs.append(time.perf_counter() - began)
        ratios.append(costs[1] / costs[0])
        if time.perf_counter() - started > budget_s:
            break
    return statistics.median(ratios)


def _mean_update_ms(translator: Translator, sentence: str, schedule: str) -> float:
    trace = trace_sentence(translator, sentence, "", schedule=SCHEDULES[schedule], dial=UNCOMMITTED)
    return 1000 * statistics.fmean(trace.update_s)
