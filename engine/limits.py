"""Limits: the lengths of a pipeline's queues, and what happens when one is full."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Lengths of the queues, and what happens when one is full."""

    items: int | None = None
    """Items waiting for the reader; left out, 16, or 300 where items beyond them are dropped.
    Those that wait are still read after a stop."""
    drop_items: bool = False
    """Drop the oldest item beyond the limit instead of letting the source wait."""
    prefixes: int = 64
    """Source prefixes waiting for the translator."""
    conflate: bool = True
    """Replace stale prefixes. Without, every prefix is translated before the next item is read:
    slower, and the same captions in every run."""
    captions: int = 64
    """Captions waiting for the consumer."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for key in ("items", "prefixes", "captions"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise ValueError(f"limit {key} = {value} is not 1 or more")
