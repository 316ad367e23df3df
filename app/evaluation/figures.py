"""What evaluations share: how far they are, and the spread of what they measured."""

import statistics
from collections.abc import Callable, Sequence

Progress = Callable[[float], None]
"""Told the part that is done."""


def spread(values: Sequence[float], percentiles: Sequence[int] = (50, 90, 95)) -> dict[str, float]:
    """Mean and percentiles."""
    ordered = sorted(values)
    last = len(ordered) - 1
    ranks = {f"p{n}": ordered[min(last, n * len(ordered) // 100)] for n in percentiles}
    return {"mean": statistics.fmean(ordered), **ranks}
