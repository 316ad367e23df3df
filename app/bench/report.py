"""The benchmark's figures as Markdown and plots."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.bench.timing import Timings

BARS = {
    "eager reta_over_fretna": "≥ 20",
    "eager waitk_over_fretna": "≥ 1.5",
    "optimised reta_over_fretna": "≥ 10",
    "optimised waitk_over_fretna": "≥ 1.5",
    "optimised best_ar_over_fretna": "≥ 3",
    "update_cost_60_over_10": "≤ 1.5",
    "lossless reta_over_lossless": "≥ 2",
}
"""What the ratios are meant to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One set of systems, measured under one setting."""

    title: str
    timings: Timings

    def to_json(self) -> dict[str, Any]:
        """Median, quartiles and rounds of every figure."""
        return {
            "title": self.title,
            "ms_per_update": [
                {"schedule": schedule, "source_words": n_words, "system": name, **_spread(values)}
                for (schedule, n_words), systems in self.timings.updates.items()
                for name, values in systems.items()
                if values
            ],
        }

    def to_markdown(self) -> str:
        """One row per system, one column per case."""
        cases = list(self.timings.updates)
        names = list(next(iter(self.timings.updates.values()), {}))
        head = ["System", *(f"{schedule}, {n_words} words" for schedule, n_words in cases)]
        rows = [
            [name, *(_cell(self.timings.updates[case][name]) for case in cases)] for name in names
        ]
        return f"### {self.title}\n\n{_markdown(head, rows)}\n"


def to_markdown(result: Mapping[str, Any], tables: Sequence[Table]) -> str:
    """The whole report.

    Args:
        result: the JSON object of the benchmark.
        tables: its tables.
    """
    parts = [
        "# What an update costs\n",
        "Written by `dragoman bench translate`. Milliseconds of computation per update, mean over "
        "the updates of a sentence: median over rounds (quartiles). Rounds are interleaved and "
        "follow a warm-up; ratios are taken within a round.\n",
        f"Machine: {result['machine']}\n",
        "## Ratios, 20 to 40 words\n",
        _markdown(["Ratio", "Measured", "Bar"], _ratio_rows(result["summary"])) + "\n",
        "## Tables\n",
        *(table.to_markdown() for table in tables),
    ]
    if curves := result.get("curves"):
        head = ["System", "BLEU", "AL", "NE", "ms per update"]
        rows = [
            [
                point["system"],
                f"{point['bleu']:.1f}",
                f"{point['al']:.2f}",
                f"{point['ne']:.2f}",
                f"{point['ms_per_update']:.2f}",
            ]
            for points in curves.values()
            for point in points
        ]
        parts += ["## Quality\n", "![BLEU against AL and computation](quality.png)\n"]
        parts += [_markdown(head, rows) + "\n"]
    return "\n".join(parts)


def plot_quality(curves: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Draw BLEU against AL and against computation, one curve per system."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, key, label in zip(
        figure.subplots(1, 2, sharey=True),
        ("al", "ms_per_update"),
        ("average lagging, words", "computation per update, ms"),
        strict=True,
    ):
        for name, points in curves.items():
            line = sorted((point[key], point["bleu"]) for point in points)
            axes.plot(*zip(*line, strict=True), marker="o", label=name)
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
    axes.legend()
    figure.axes[0].set_ylabel("BLEU")
    figure.savefig(path, dpi=110)


def _ratio_rows(summary: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for key, value in summary.items():
        for name, ratio in value.items() if isinstance(value, Mapping) else (("", value),):
            figure = "–" if ratio is None else f"{ratio:.2f}"
            title = " ".join(filter(None, (key, name)))
            rows.append([title.replace("_", " "), figure, BARS.get(title, "")])
    return rows


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _spread(values: Sequence[float]) -> dict[str, float]:
    quartiles = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return {
        "median": statistics.median(values),
        "p25": quartiles[0],
        "p75": quartiles[2],
        "n_rounds": len(values),
    }


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "–"
    spread = _spread(values)
    return f"{spread['median']:.2f} ({spread['p25']:.2f}–{spread['p75']:.2f})"
