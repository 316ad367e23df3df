"""Figures of a running pipeline, for display."""

from dataclasses import dataclass, field, replace

from engine.captions import Caption, LiveFigures
from engine.load import LoadControl


@dataclass(slots=True, kw_only=True)
class PipelineStats:
    """Figures for display; the pipeline updates them while it runs."""

    n_items: int = 0
    """Items that the source gave."""
    n_dropped: int = 0
    """Items dropped because the reader was too slow."""
    n_conflated: int = 0
    """Source prefixes replaced by newer ones because the translator was too slow."""
    n_captions: int = 0
    n_finals: int = 0
    live: LiveFigures = field(default_factory=LiveFigures)
    """As with the newest caption, with the newest load."""
    lag_s: float = 0.0
    """Session time between the end of the newest item and the moment when it had been read."""
    n_withheld: int = 0
    """Unfinished prefixes that were not translated because the machine was too slow."""
    journal_failing: bool = False

    def count_caption(self, caption: Caption) -> None:
        """A caption was made."""
        self.n_captions += 1
        self.n_finals += caption.final
        self.live = caption.live or self.live

    def count_load(self, load: LoadControl) -> None:
        """How the machine stands now."""
        rate = load.real_time_factor
        self.live = replace(self.live, load=load.state, real_time_factor=rate)
        self.lag_s = load.lag_s
