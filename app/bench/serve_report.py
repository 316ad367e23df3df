"""The figures of `dragoman bench serve` for people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.bench.serve import STAGES
from app.terminal.report import write_json


def print_report(result: Mapping[str, Any], path: Path | None) -> None:
    """Write JSON where asked for, and tables on standard output otherwise or besides."""
    if write_json(result, path):
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    lags = Table("streams", "holds", "captions", "finals", "lag p50", "p95", "max", "states")
    head = ("streams", "stage", "calls", "mean", "p95 within", "in it", "processors")
    time = Table(*head, title="where the time goes")
    for run in result["runs"]:
        n_streams = str(run["n_streams"])
        lag = run["lag_s"]
        lags.add_row(
            n_streams,
            "yes" if run["holds"] else "no",
            str(run["n_captions"]),
            f"{run['n_finals_received']} of {run['n_finals_sent']}",
            *(f"{lag[key]:.2f} s" for key in ("median", "p95", "max")),
            ", ".join(f"{state} {share:.0%}" for state, share in run["states"].items()),
        )
        for name, stage in run["stages"].items():
            processor_s, p95_ms = stage["processor_s"], stage["p95_ms_at_most"]
            time.add_row(
                n_streams,
                STAGES[name],
                f"{stage['n_calls']:.0f}",
                f"{stage['mean_ms']:.1f} ms",
                "> 10 s" if p95_ms is None else f"{p95_ms:.0f} ms",
                f"{stage['total_s'] / run['took_s']:.2f}",
                "" if processor_s is None else f"{processor_s / run['took_s']:.2f}",
            )
    console.print(lags)
    console.print(time)
    machine = result["machine"]
    console.print(
        f"{machine['processors']} processors, load average {machine['load_average']:.1f}; "
        f"streams of {result['seconds']:.0f} s. In it: how many calls on the average; processors: "
        "how many were kept busy by it, other libraries' own threads left out."
    )
    if result["capacity"] is not None:
        console.print(f"This machine holds {result['capacity']} live streams.")
