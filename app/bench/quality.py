"""Quality on one test set: curves over a sample, the main systems on all of it, significance."""

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.bench.points import (
    CURVES,
    FRETNA,
    OTHERS,
    RETA,
    STEADY_FRETNA,
    WAITS,
    Point,
    all_points,
    plain,
)
from app.bench.systems import Exports, Pair, load_exact
from app.bench.timing import UNCOMMITTED, time_on_sentences
from app.evaluation.figures import Progress
from app.evaluation.significance import compare
from app.evaluation.translation import figures
from app.models.registry import load_translator
from engine.evaluation import SCHEDULES, Trace, score, trace_sentence
from engine.policies.config import PolicyConfig
from engine.stability_control import make_dial
from engine.translator import Translator

Pairs = Sequence[Sequence[str]]

BEAM = plain("reta", beam=4)
WHOLE = "reta, whole sentences"
"""Greedy ReTA's final text where nothing is committed before the end: no forced prefix harms it."""

_N_COSTS = 12
"""Sentences on which the computation of the points is measured."""


def measure_quality(
    pair: Pair, pairs: Pairs, *, n_sample: int, progress: Progress
) -> dict[str, Any]:
    """Every operating point on a sample; FReTNA, ReTA and Wait-k on the whole set, word by word.

    Args:
        pair: of languages.
        pairs: (source, reference) of the set.
        n_sample: sentences of the sample, evenly spaced.
        progress: told the part that is done.

    Returns:
        The JSON object: `points` and `curves` of the sample, `systems` of the whole set,
        `comparisons` of those, and `lossless`: the share of sentences of the sample in which every
        hypothesis of the lossless mode is greedy ReTA's.
    """
    sample = spaced(pairs, n_sample)
    with tempfile.TemporaryDirectory() as folder:
        evaluation = _Evaluation(pair, Exports(folder=Path(folder)), pairs)
        points = [point for point in all_points() if pair.find(point.system) is not None]
        rows = []
        for index, point in enumerate(points):
            rows.append(evaluation.row(point, sample))
            progress(0.5 * (index + 1) / len(points))
        evaluation.measure_systems()
        progress(0.9)
        names = {row["system"] for row in rows}
        return {
            "n_sentences": len(pairs),
            "n_sample": len(sample),
            "points": rows,
            "curves": {
                name: [point.name for point in curve if point.name in names]
                for name, curve in CURVES.items()
            },
            "others": [point.name for point in OTHERS if point.name in names],
            "systems": evaluation.rows,
            "comparisons": evaluation.comparisons,
            "lossless": {"identical": _share_identical(pair, sample), "n_sentences": len(sample)},
        }


def measure_costs(pair: Pair, pairs: Pairs, *, progress: Progress) -> dict[str, Any]:
    """Milliseconds of an update of every point, all in the same eager code on one thread."""
    import torch

    torch.set_num_threads(1)
    systems = {}
    for point in all_points():
        model = pair.find(point.system)
        if model is not None:
            translator = load_translator(
                model, device="cpu", policy=point.system.policy, backend="torch"
            )
            systems[point.name] = (translator, point.stability)
    sentences = [source for source, _ in spaced(pairs, _N_COSTS)]
    return {
        "n_sentences": len(sentences),
        "ms_per_update": time_on_sentences(systems, sentences, progress),
    }


def spaced(pairs: Pairs, n: int) -> Pairs:
    """So many of the pairs, evenly spaced."""
    step = max(1, len(pairs) // n)
    return pairs[::step][:n]


class _Evaluation:
    """The systems that are compared, on the whole set."""

    def __init__(self, pair: Pair, exports: Exports, pairs: Pairs) -> None:
        self._pair = pair
        self._exports = exports
        self._pairs = pairs
        self.rows: list[dict[str, Any]] = []
        self.comparisons: list[dict[str, Any]] = []

    def row(self, point: Point, pairs: Pairs) -> dict[str, Any]:
        """Figures of a point on some pairs."""
        return {"system": point.name, **figures(self._traces(point, pairs))}

    def measure_systems(self) -> None:
        """The teacher on whole sentences, then the systems word by word, and what is compared."""
        teacher = self._measure(plain("reta"), "offline")
        self._measure(BEAM, "offline")
        reta, fretna = self._measure(RETA), self._measure(FRETNA)
        steady = self._measure(STEADY_FRETNA)
        self._compare(WHOLE, teacher, FRETNA.name, fretna)
        self._compare(RETA.name, reta, FRETNA.name, fretna)
        measured: dict[int, list[Trace]] = {}
        for point, traces in ((FRETNA, fretna), (STEADY_FRETNA, steady)):
            for k in WAITS:  # up to the first that lags as much: the comparison favours Wait-k
                if k not in measured:
                    measured[k] = self._measure(plain("wait-k", wait=k))
                if score(measured[k]).al >= score(traces).al:
                    break
            self._compare(f"wait-{k}", measured[k], point.name, traces)

    def _measure(self, point: Point, schedule: str = "words") -> list[Trace]:
        traces = self._traces(point, self._pairs, schedule)
        self.rows.append({"system": point.name, "schedule": schedule, **figures(traces)})
        return traces

    def _compare(
        self, baseline: str, before: Sequence[Trace], system: str, traces: Sequence[Trace]
    ) -> None:
        comparison = compare(
            [" ".join(trace.final) for trace in before],
            [" ".join(trace.final) for trace in traces],
            [reference for _, reference in self._pairs],
        )
        self.comparisons.append(
            {
                "baseline": baseline,
                "system": system,
                "al_baseline": score(before).al,
                "al": score(traces).al,
                **dataclasses.asdict(comparison),
            }
        )

    def _traces(self, point: Point, pairs: Pairs, schedule: str = "words") -> list[Trace]:
        model = self._pair.find(point.system)
        assert model is not None  # the caller has looked
        translator = load_exact(model, point.system.policy, self._exports)
        dial = make_dial(point.stability)
        return [
            trace_sentence(translator, *one, schedule=SCHEDULES[schedule], dial=dial)
            for one in pairs
        ]


def _share_identical(pair: Pair, pairs: Pairs) -> float:
    """Of the sentences in which every hypothesis of the lossless mode is that of greedy ReTA."""
    translators = [
        load_translator(
            pair.registry.find_translator(kind, pair.source_lang, pair.target_lang),
            device="cpu",
            policy=PolicyConfig(lossless=kind == "fretna"),
            backend="torch",
        )
        for kind in ("reta", "fretna")
    ]

    def hypotheses(translator: Translator) -> Iterator[object]:
        for source, _ in pairs:
            yield trace_sentence(translator, source, "", dial=UNCOMMITTED).revisions

    reta, lossless = map(hypotheses, translators)
    return sum(one == two for one, two in zip(reta, lossless, strict=True)) / len(pairs)
