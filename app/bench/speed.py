"""What an update costs: which systems are measured where, and the ratios that come of it."""

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from app.bench.forced import DEPTHS, TargetLengths, force_eager, force_exported, forced_name
from app.bench.machine import describe_machine
from app.bench.systems import RETRANSLATORS, Exports, Pair, load_eager, load_optimised
from app.bench.tables import Table
from app.bench.timing import Case, Timings, time_one_update, time_systems
from app.evaluation.figures import Progress
from engine.translator import Translator

LENGTHS = (10, 20, 40, 60)
SCHEDULES = ("words", "asr")
RATIO_CASES: tuple[Case, ...] = (("words", 20), ("words", 40))
GROWTH_LENGTHS = (10, 60)

EQUAL_DEPTH = forced_name(DEPTHS[0])
DEEP_ENCODER = forced_name(DEPTHS[1])

_RATIOS = {
    "reta_over_fretna": ("reta", "fretna"),
    "waitk_over_fretna": ("wait-3", "fretna"),
    "reta_6_6_over_fretna": (EQUAL_DEPTH, "fretna"),
    "reta_6_1_over_fretna": (DEEP_ENCODER, "fretna"),
    "reta_speculative_over_fretna": ("reta speculative", "fretna"),
    "reta_over_lossless": ("reta", "fretna lossless"),
}
_COMPARED = tuple(dict.fromkeys(system for systems in _RATIOS.values() for system in systems))
_AUTOREGRESSIVE_RATIOS = (
    "reta_over_fretna",
    "reta_6_1_over_fretna",
    "reta_speculative_over_fretna",
)

_QUICK_BUDGET_S = 8.0
"""Per measurement; three of them and the loading have to fit into 45 s."""
_GROWTH_BUDGET_S = 20.0
_EAGER_WEIGHT = 3
"""Share of a table of eager code in the time, against one of engines: its updates take longer."""


def run_quick(pair: Pair, words: Sequence[str]) -> dict[str, Any]:
    """The ratios alone, on one thread of the CPU, in less than 45 s on two cores."""
    _set_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(pair, Path(folder))
        eager, optimised = load_eager(pair, "cpu"), bench.optimised(1, DEPTHS[1:])

        def measure(systems: dict[str, Translator], names: Sequence[str]) -> Timings:
            return time_systems(
                {name: systems[name] for name in names if name in systems},
                words,
                RATIO_CASES,
                n_rounds=5,
                budget_s=_QUICK_BUDGET_S,
                prepare=bench.lengths.learn,
            )

        eager_timings = measure(eager, ("reta", "wait-3", "fretna"))
        optimised_timings = measure(optimised, ("wait-3", "fretna", *RETRANSLATORS, DEEP_ENCODER))
        growth = time_one_update(
            optimised["fretna"], words, GROWTH_LENGTHS, n_rounds=15, budget_s=_QUICK_BUDGET_S
        )
    return summarise(eager_timings, optimised_timings, growth)


def measure_ratios(
    pair: Pair, words: Sequence[str], *, n_rounds: int, progress: Progress
) -> dict[str, Any]:
    """The ratios of the quick benchmark and some more, over more rounds, on one thread of the CPU.

    Args:
        pair: of languages.
        words: of the text that sentences are made of.
        n_rounds: sentences per case.
        progress: told the part that is done.

    Returns:
        The JSON object: medians as `summary`, and `rounds`.
    """
    _set_threads(1)
    rounds: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(pair, Path(folder))
        for index, (name, systems) in enumerate(
            (("eager", bench.eager("cpu")), ("optimised", bench.optimised(1)))
        ):

            def tell(done: float, index: int = index) -> None:
                progress((index + done) / 2)

            timings = time_systems(
                {system: systems[system] for system in _COMPARED},
                words,
                RATIO_CASES,
                n_rounds=n_rounds,
                prepare=bench.lengths.learn,
                progress=tell,
            )
            rounds[name] = {
                ratio: timings.ratios(slow, fast, RATIO_CASES)
                for ratio, (slow, fast) in _RATIOS.items()
            }
        growth = time_one_update(
            bench.optimised(1)["fretna"],
            words,
            GROWTH_LENGTHS,
            n_rounds=50,
            budget_s=_GROWTH_BUDGET_S,
        )
    best = [rounds["optimised"][name] for name in _AUTOREGRESSIVE_RATIOS]
    rounds["optimised"]["best_ar_over_fretna"] = min(best, key=statistics.median)
    medians = {
        name: {ratio: statistics.median(values) for ratio, values in ratios.items()}
        for name, ratios in rounds.items()
    }
    return {
        "machine": describe_machine(),
        "n_rounds": n_rounds,
        "summary": {**medians, "update_cost_60_over_10": growth},
        "rounds": rounds,
    }


def measure_speed(
    pair: Pair, words: Sequence[str], *, n_rounds: int, minutes: float, progress: Progress
) -> dict[str, Any]:
    """Both tables for one and two threads, and table A on CUDA where there is one.

    Args:
        pair: of languages.
        words: of the text that sentences are made of.
        n_rounds: sentences per case, at most.
        minutes: for all tables together; every case has one round at least.
        progress: told the part that is done.

    Returns:
        The JSON object.
    """
    import torch

    cases = [(schedule, n_words) for schedule in SCHEDULES for n_words in LENGTHS]
    tables: list[Table] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(pair, Path(folder))
        settings = list(_settings(bench, cuda=torch.cuda.is_available()))
        weights = [_EAGER_WEIGHT if title.startswith("A") else 1 for title, _, _ in settings]
        for index, (title, n_threads, load) in enumerate(settings):
            _set_threads(n_threads)

            def tell(done: float, index: int = index) -> None:
                progress((index + done) / len(settings))

            timings = time_systems(
                load(),
                words,
                cases,
                n_rounds=n_rounds,
                budget_s=60 * minutes * weights[index] / sum(weights),
                prepare=bench.lengths.learn,
                progress=tell,
            )
            tables.append(Table(title=title, timings=timings))
    return {"machine": describe_machine(), "tables": [table.to_json() for table in tables]}


def summarise(eager: Timings, optimised: Timings, growth: float) -> dict[str, Any]:
    """The claims as ratios over 20 to 40 words."""

    def ratios(timings: Timings) -> dict[str, float | None]:
        return {
            "reta_over_fretna": timings.ratio("reta", "fretna", RATIO_CASES),
            "waitk_over_fretna": timings.ratio("wait-3", "fretna", RATIO_CASES),
        }

    names = (*RETRANSLATORS, DEEP_ENCODER)
    against = [optimised.ratio(name, "fretna", RATIO_CASES) for name in names]
    best = min((ratio for ratio in against if ratio is not None), default=None)
    return {
        "eager": ratios(eager),
        "optimised": {**ratios(optimised), "best_ar_over_fretna": best},
        "update_cost_60_over_10": growth,
    }


@dataclass(slots=True)
class _Bench:
    """What the measurements share: exported models, and the lengths of ReTA's output."""

    pair: Pair
    folder: Path
    lengths: TargetLengths

    def __init__(self, pair: Pair, folder: Path) -> None:
        self.pair = pair
        self.folder = folder
        reta = pair.registry.find_translator("reta", pair.source_lang, pair.target_lang)
        self.lengths = TargetLengths(Exports(folder=folder).get(reta, int8=False))

    def eager(self, device: str) -> dict[str, Translator]:
        """Table A."""
        forced = {forced_name(d): force_eager(self.lengths, d, device) for d in DEPTHS}
        return {**load_eager(self.pair, device), **forced}

    def optimised(
        self, n_threads: int, depths: Sequence[tuple[int, int]] = DEPTHS
    ) -> dict[str, Translator]:
        """Table B."""
        forced = {
            forced_name(d): force_exported(self.lengths, d, self.folder, n_threads) for d in depths
        }
        return {
            **load_optimised(self.pair, Exports(folder=self.folder), n_threads),
            **forced,
        }


def _settings(
    bench: _Bench, *, cuda: bool
) -> Iterator[tuple[str, int, Callable[[], dict[str, Translator]]]]:
    """Title, threads and loader of each table; A and B on one thread come first."""
    for n_threads in (1, 2):
        threads = "1 thread" if n_threads == 1 else f"{n_threads} threads"
        yield f"A: eager torch, CPU, {threads}", n_threads, partial(bench.eager, "cpu")
        yield f"B: best engine, CPU, {threads}", n_threads, partial(bench.optimised, n_threads)
    if cuda:
        yield "A: eager torch, CUDA", 1, partial(bench.eager, "cuda")


def _set_threads(n_threads: int) -> None:
    import torch

    torch.set_num_threads(n_threads)
