"""The benchmark's report: Markdown and plots out of the JSON files in its folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.bench import bars
from app.bench.tables import markdown, speed_table

RATIOS_FILE = "ratios.json"
SPEED_FILE = "speed.json"
REPORT_FILE = "translate.md"
_QUALITY, _COSTS = "quality-", "costs-"

Json = Mapping[str, Any]


def set_name(path: Path) -> str:
    """A test set in the name of a file: `tatoeba` of `tatoeba.en-de.tsv.gz`."""
    return path.name.split(".")[0]


def save_ratios(folder: Path, result: Json) -> None:
    """Keep what the claims of computation are."""
    _save(folder / RATIOS_FILE, result)


def save_speed(folder: Path, result: Json) -> None:
    """Keep the tables of computation."""
    _save(folder / SPEED_FILE, result)


def save_quality(folder: Path, test_set: Path, result: Json) -> None:
    """Keep the figures of a test set."""
    name = "/".join(test_set.parts[-2:])
    _save(folder / f"{_QUALITY}{set_name(test_set)}.json", {"set": name, **result})


def save_costs(folder: Path, test_set: Path, result: Json) -> None:
    """Keep the computation of the points on a test set."""
    _save(folder / f"{_COSTS}{set_name(test_set)}.json", result)


def write_report(folder: Path) -> None:
    """Write Markdown and plots of what the folder holds."""
    speed = _load(folder / SPEED_FILE)
    sets = {path.stem.removeprefix(_QUALITY): path for path in folder.glob(f"{_QUALITY}*.json")}
    qualities = {name: json.loads(path.read_text("utf-8")) for name, path in sorted(sets.items())}
    parts = [_INTRODUCTION, "## Must reach\n"]
    ratios = _load(folder / RATIOS_FILE)
    rows = [row.cells() for row in bars.rows(ratios, list(qualities.values()))]
    parts += [markdown(bars.HEAD, rows) + "\n"]
    if ratios is not None:
        n_rounds, machine = ratios["n_rounds"], ratios["machine"]
        parts += [f"Ratios are medians of {n_rounds} rounds (least–most). Machine: {machine}\n"]
    if speed is not None:
        parts += [_SPEED, f"Machine: {speed['machine']}\n"]
        parts += [speed_table(table) for table in speed["tables"]]
    if qualities:
        parts += [_QUALITY_TEXT]
    for name, quality in qualities.items():
        costs = _load(folder / f"{_COSTS}{name}.json")
        ms: Mapping[str, float] = {} if costs is None else costs["ms_per_update"]
        parts += _quality_part(name, quality, ms)
        _plot(quality, ms, folder / f"{_QUALITY}{name}.png")
    (folder / REPORT_FILE).write_text("\n".join(parts), encoding="utf-8")


def _quality_part(name: str, quality: Json, ms: Mapping[str, float]) -> list[str]:
    head = [
        "System",
        "Schedule",
        "BLEU",
        "chrF",
        "AL",
        "LAAL",
        "DAL",
        "AP",
        "NE",
        "updates changed",
    ]
    systems = [
        [
            row["system"],
            row["schedule"],
            *(f"{row[key]:.1f}" for key in ("bleu", "chrf")),
            *(f"{row[key]:.2f}" for key in ("al", "laal", "dal", "ap", "ne")),
            f"{100 * row['changed_updates']:.0f} %",
        ]
        for row in quality["systems"]
    ]
    compared = [
        [
            row["baseline"],
            row["system"],
            *(f"{row[key]:.2f}" for key in ("bleu_baseline", "bleu")),
            f"{row['p']:.3f}",
            *(f"{row[key]:.2f}" for key in ("al_baseline", "al")),
        ]
        for row in quality["comparisons"]
    ]
    points = {row["system"]: row for row in quality["points"]}
    curves = [(curve, name) for curve, names in quality["curves"].items() for name in names]
    curves += [("other models", name) for name in quality["others"]]
    sampled = [
        [
            curve,
            name,
            f"{points[name]['bleu']:.1f}",
            *(f"{points[name][key]:.2f}" for key in ("al", "ne")),
            f"{ms[name]:.2f}" if name in ms else "–",
        ]
        for curve, name in curves
    ]
    comparison_head = ["Baseline", "System", "its BLEU", "BLEU", "p", "AL of the baseline", "AL"]
    return [
        f"### {quality['set']}\n",
        f"All {quality['n_sentences']} sentences:\n",
        markdown(head, systems) + "\n",
        "Paired bootstrap, 1,000 samples:\n",
        markdown(comparison_head, compared) + "\n",
        f"A sample of {quality['n_sample']} sentences:\n",
        f"![BLEU against AL, NE and computation]({_QUALITY}{name}.png)\n",
        markdown(["Curve", "Point", "BLEU", "AL", "NE", "ms per update"], sampled) + "\n",
    ]


def _plot(quality: Json, ms: Mapping[str, float], path: Path) -> None:
    """Draw BLEU against AL, NE and computation, one curve per system."""
    from matplotlib.figure import Figure

    points = {row["system"]: {**row, "ms": ms.get(row["system"])} for row in quality["points"]}
    axes = [("al", "average lagging, words"), ("ne", "normalized erasure")]
    axes += [("ms", "computation per update, ms")] if ms else []
    figure = Figure(figsize=(4.5 * len(axes), 4), layout="constrained")
    panels = figure.subplots(1, len(axes), sharey=True)
    for panel, (key, label) in zip(panels, axes, strict=True):
        for name, names in quality["curves"].items():
            line = sorted((points[point][key], points[point]["bleu"]) for point in names)
            panel.plot(*zip(*line, strict=True), marker="o", markersize=4, label=name)
        panel.set_xlabel(label)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("BLEU")
    panels[-1].legend(fontsize="small")
    figure.savefig(path, dpi=110)


def _save(path: Path, result: Json) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


_INTRODUCTION = """\
# What the translators cost, and how good they are

Written by `dragoman bench translate`; what the systems are, on which data they were trained and
with which commands this was measured stands in [README.md](README.md).
"""

_SPEED = """\
## Computation

Milliseconds of an update, mean over the updates of a sentence: median over rounds (quartiles). In
a round all systems translate the same sentence in turn, after a warm-up; a ratio is that of two
systems within a round. `words`: an update for each source word. `asr`: one for each step of 400
ms of speech at 2.5 words a second in which a word ended. Nothing commits before the sentence
ends: no forced prefix spares a re-translator work. Rows named *random weights* are untrained
networks of other depths, held to the lengths of the trained ReTA's output: they show cost, not
quality.
"""

_QUALITY_TEXT = """\
## Quality

The source grows word by word; a word commits when two hypotheses agree on it. BLEU and chrF
(sacrebleu, cased, detokenised) are those of the final text, lagging is in source words, NE is
words taken back ÷ final words. `mask-k` hides the last words of a hypothesis; `budget` is
`--stability`, and 0.2 what a session has that has set nothing. Wait-k stands beside FReTNA with
the smallest k that lags at least as much, which favours Wait-k. `reta, whole sentences` commits
nothing before the end, so that no forced prefix harms its text.
"""
