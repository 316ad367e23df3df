"""The operating points whose quality is measured: systems, settings, and rules of display."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from app.bench.systems import SYSTEMS, System
from app.evaluation.translation import system_name
from engine.policies.config import PolicyConfig
from engine.stability import BALANCED, StabilityConfig

WAITS = (1, 2, 3, 5, 7, 9)
MASKS = (0, 2, 4, 6, 8)
BIASES = (0.0, 0.25, 0.5, 0.75)
BUDGETS = (math.inf, 0.2, 0.1, 0.05, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A system under rules of what is shown."""

    system: System
    stability: StabilityConfig = field(default_factory=StabilityConfig)

    @property
    def name(self) -> str:
        """What was set, in short: `fretna mask-k=2`."""
        mask_k, budget = self.stability.mask_k, self.stability.budget
        parts = [self.system.name]
        parts += [f"mask-k={mask_k}"] if mask_k else []
        parts += [f"budget={budget:g}"] if budget != math.inf else []
        return " ".join(parts)


def plain(kind: str, **policy: Any) -> Point:
    """A shipped system without a budget of erasure."""
    config = PolicyConfig(**policy)
    return Point(system=System(name=system_name(kind, config), kind=kind, policy=config))


def _masked(point: Point) -> tuple[Point, ...]:
    return tuple(
        Point(system=point.system, stability=StabilityConfig(mask_k=mask_k)) for mask_k in MASKS
    )


def _budgeted(point: Point) -> tuple[Point, ...]:
    return tuple(
        Point(system=point.system, stability=StabilityConfig(budget=budget)) for budget in BUDGETS
    )


_RETA, _FRETNA = plain("reta"), plain("fretna")

RETA = Point(system=_RETA.system, stability=BALANCED)
FRETNA = Point(system=_FRETNA.system, stability=BALANCED)
"""As a session has them that has set nothing."""

STEADY_FRETNA = Point(system=_FRETNA.system, stability=StabilityConfig(budget=0.0))
"""Shows nothing that could be taken back: as steady as Wait-k."""

CURVES: dict[str, tuple[Point, ...]] = {
    "wait-k": tuple(plain("wait-k", wait=k) for k in WAITS),
    "reta, mask-k": _masked(_RETA),
    "reta, bias": tuple(
        plain("reta", bias=beta, speculative=True) if beta else _RETA for beta in BIASES
    ),
    "ssbd, mask-k": _masked(plain("reta", bias=0.25, speculative=True)),
    "beam 4 biased, mask-k": _masked(plain("reta", beam=4, bias=0.25)),
    "fretna, mask-k": _masked(_FRETNA),
    "fretna, budget": _budgeted(_FRETNA),
}
"""What is drawn: one line of points a system."""

OTHERS = tuple(Point(system=system) for system in SYSTEMS if system.variant)
"""Models that need not be there: the other forms of FReTNA, ReTA with a deep encoder."""


def all_points() -> Iterator[Point]:
    """Every point once."""
    seen = set()
    for point in [*(point for points in CURVES.values() for point in points), *OTHERS]:
        if point.name not in seen:
            seen.add(point.name)
            yield point
