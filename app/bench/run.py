"""The benchmark: which systems are measured where, and what is made of the figures."""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from app.bench.machine import describe_machine
from app.bench.report import Table, plot_quality, to_markdown
from app.bench.systems import RETRANSLATORS, Pair, load_eager, load_optimised
from app.bench.timing import Case, Timings, time_one_update, time_systems
from app.evaluate_translation import evaluate_translation, system_name
from engine.policies.config import PolicyConfig
from engine.stability import StabilityConfig
from engine.translator import Translator

Progress = Callable[[float], None]

LENGTHS = (10, 20, 40, 60)
SCHEDULES = ("words", "asr")
RATIO_CASES: tuple[Case, ...] = (("words", 20), ("words", 40))
GROWTH_LENGTHS = (10, 60)
WAITS = (1, 3, 5, 7, 9)
MASKS = (0, 2, 4, 6, 8)
BIASES = (0.0, 0.25, 0.5, 0.75)


def _masked(policy: PolicyConfig) -> tuple[tuple[PolicyConfig, int], ...]:
    return tuple((policy, mask_k) for mask_k in MASKS)


CURVES = (
    ("wait-k", "wait-k", tuple((PolicyConfig(wait=k), 0) for k in WAITS)),
    ("reta, mask-k", "reta", _masked(PolicyConfig())),
    (
        "reta, bias",
        "reta",
        tuple((PolicyConfig(bias=beta, speculative=True), 0) for beta in BIASES),
    ),
    ("ssbd, mask-k", "reta", _masked(PolicyConfig(bias=0.25, speculative=True))),
    ("beam 4 biased, mask-k", "reta", _masked(PolicyConfig(beam=4, bias=0.25))),
    ("fretna, mask-k", "fretna", _masked(PolicyConfig())),
)
"""Quality curves: name, kind of translator, and the points, as policy and mask-k."""

_QUICK_BUDGET_S = 9.0
"""Per measurement; three of them and the loading have to fit into 45 s."""


def run_quick(pair: Pair, words: Sequence[str]) -> dict[str, Any]:
    """The ratios alone, on one thread of the CPU, in less than 45 s on two cores."""
    _set_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        eager, optimised = load_eager(pair, "cpu"), load_optimised(pair, Path(folder), 1)

        def measure(systems: dict[str, Translator], names: Sequence[str]) -> Timings:
            needed = {name: systems[name] for name in names if name in systems}
            return time_systems(needed, words, RATIO_CASES, n_rounds=5, budget_s=_QUICK_BUDGET_S)

        eager_timings = measure(eager, ("reta", "wait-3", "fretna"))
        optimised_timings = measure(optimised, ("wait-3", "fretna", *RETRANSLATORS))
        growth = time_one_update(
            optimised["fretna"], words, GROWTH_LENGTHS, n_rounds=15, budget_s=_QUICK_BUDGET_S
        )
    return summarise(eager_timings, optimised_timings, growth)


def run_full(
    pair: Pair, words: Sequence[str], *, n_rounds: int, progress: Progress
) -> tuple[dict[str, Any], list[Table]]:
    """Both tables for one and two threads, and table A on CUDA where there is one.

    Returns:
        The JSON object, and its tables.
    """
    import torch

    cases = [(schedule, n_words) for schedule in SCHEDULES for n_words in LENGTHS]
    tables: list[Table] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = list(_settings(pair, Path(folder), cuda=torch.cuda.is_available()))
        for index, (title, n_threads, load) in enumerate(settings):
            _set_threads(n_threads)
            systems = load()

            def tell(done: float, index: int = index) -> None:
                progress((index + done) / len(settings))

            timings = time_systems(systems, words, cases, n_rounds=n_rounds, progress=tell)
            tables.append(Table(title=title, timings=timings))
        _set_threads(1)
        fretna = load_optimised(pair, Path(folder), 1)["fretna"]
        growth = time_one_update(fretna, words, GROWTH_LENGTHS, n_rounds=50)
    eager, optimised = (tables[i].timings for i in (0, 1))
    result = {
        "machine": describe_machine(),
        "summary": {
            **summarise(eager, optimised, growth),
            "lossless": {"reta_over_lossless": eager.ratio("reta", "fretna lossless", RATIO_CASES)},
        },
        "tables": [table.to_json() for table in tables],
    }
    return result, tables


def measure_curves(
    pair: Pair, pairs: Sequence[Sequence[str]], progress: Progress
) -> dict[str, list[dict[str, Any]]]:
    """Operating points of every system on a test set: quality, lagging, erasure, computation."""
    curves: dict[str, list[dict[str, Any]]] = {name: [] for name, _, _ in CURVES}
    n_done, n_points = 0, sum(len(points) for _, _, points in CURVES)
    for name, kind, points in CURVES:
        for policy, mask_k in points:
            figures = evaluate_translation(
                pair.load(kind, "cpu", policy), pairs, stability=StabilityConfig(mask_k=mask_k)
            )
            system = system_name(kind, policy)
            curves[name].append(
                {
                    "system": f"{system} mask-k={mask_k}" if mask_k else system,
                    **{key: figures[key] for key in ("bleu", "al", "laal", "ne")},
                    "ms_per_update": figures["ms_per_update"]["mean"],
                }
            )
            n_done += 1
            progress(n_done / n_points)
    return curves


def write(folder: Path, result: dict[str, Any], tables: Sequence[Table]) -> None:
    """Write JSON, Markdown and, if there are curves, the plot."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=2) + "\n"
    (folder / "translate.json").write_text(text, encoding="utf-8")
    (folder / "translate.md").write_text(to_markdown(result, tables), encoding="utf-8")
    if curves := result.get("curves"):
        plot_quality(curves, folder / "quality.png")


def summarise(eager: Timings, optimised: Timings, growth: float) -> dict[str, Any]:
    """The claims as ratios over 20 to 40 words."""

    def ratios(timings: Timings) -> dict[str, float | None]:
        return {
            "reta_over_fretna": timings.ratio("reta", "fretna", RATIO_CASES),
            "waitk_over_fretna": timings.ratio("wait-3", "fretna", RATIO_CASES),
        }

    against = [optimised.ratio(name, "fretna", RATIO_CASES) for name in RETRANSLATORS]
    best = min((ratio for ratio in against if ratio is not None), default=None)
    return {
        "eager": ratios(eager),
        "optimised": {**ratios(optimised), "best_ar_over_fretna": best},
        "update_cost_60_over_10": growth,
    }


def _settings(
    pair: Pair, folder: Path, *, cuda: bool
) -> Iterator[tuple[str, int, Callable[[], dict[str, Translator]]]]:
    """Title, threads and loader of each table; A and B on one thread come first."""
    for n_threads in (1, 2):
        threads = "1 thread" if n_threads == 1 else f"{n_threads} threads"
        yield f"A: eager torch, CPU, {threads}", n_threads, partial(load_eager, pair, "cpu")
        yield (
            f"B: best engine, CPU, {threads}",
            n_threads,
            partial(load_optimised, pair, folder, n_threads),
        )
    if cuda:
        yield "A: eager torch, CUDA", 1, partial(load_eager, pair, "cuda")


def _set_threads(n_threads: int) -> None:
    import torch

    torch.set_num_threads(n_threads)
