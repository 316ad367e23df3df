"""Figures as Markdown tables."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.bench.timing import Timings


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


def speed_table(table: Mapping[str, Any]) -> str:
    """A table of `Table.to_json`: one row per system, one column per case."""
    figures = table["ms_per_update"]
    cases = list(dict.fromkeys((f["schedule"], f["source_words"]) for f in figures))
    cells = {(f["system"], f["schedule"], f["source_words"]): _cell(f) for f in figures}
    rows = [
        [name, *(cells.get((name, *case), "–") for case in cases)]
        for name in dict.fromkeys(f["system"] for f in figures)
    ]
    head = ["System", *(f"{schedule}, {n_words} words" for schedule, n_words in cases)]
    n_rounds = {(f["schedule"], f["source_words"]): f["n_rounds"] for f in figures}
    rows.append(["rounds", *(str(n_rounds[case]) for case in cases)])
    return f"### {table['title']}\n\n{markdown(head, rows)}\n"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
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


def _cell(figure: Mapping[str, float]) -> str:
    return f"{figure['median']:.2f} ({figure['p25']:.2f}–{figure['p75']:.2f})"
