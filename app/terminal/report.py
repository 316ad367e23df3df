"""How a measurement is shown: progress while it runs, then JSON or a table."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on standard error while something is measured; yields what is told the part done."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(what, total=1.0)
        yield lambda done: progress.update(bar, completed=done)


def write_json(result: Mapping[str, Any], path: Path | None) -> bool:
    """Write JSON where asked for, `-` for standard output; whether that is taken by it."""
    text = json.dumps(result, indent=2, ensure_ascii=False)
    if path is not None and str(path) == "-":
        print(text)
        return True
    if path is not None:
        path.write_text(text + "\n", encoding="utf-8")
    return False


def print_result(result: dict[str, Any], path: Path | None) -> None:
    """Write JSON where asked for, and a table for people otherwise or besides."""
    if write_json(result, path):
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False)
    for key, value in result.items():
        classes = value if isinstance(value, dict) else {}
        if any(isinstance(item, dict) for item in classes.values()):
            table.add_row(key)
            for name, item in classes.items():
                table.add_row(f"  {name} words", _cell(item))
        else:
            table.add_row(key, _cell(value))
    Console(file=sys.stdout).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{key} {_short(item)}" for key, item in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"
