"""Figures of a running pipeline, for display."""

from dataclasses import dataclass

from engine.captions import Caption
from engine.live_metrics import LiveMeter
from engine.load import LoadControl, LoadState


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
    items_waiting: int = 0
    prefixes_waiting: int = 0
    captions_waiting: int = 0
    behind_s: float = 0.0
    """Session time between the end of the source of the newest caption and its emission."""
    normalized_erasure: float = 0.0
    """Words of the target taken back for each one committed, in the whole session."""
    delay_s: float | None = None
    """Seconds from a word being said to its translation standing as it stays, over the last
    segments; None before the first final."""
    load: LoadState | None = None
    """Whether the machine keeps up; None where the source waits for it."""
    real_time_factor: float | None = None
    """Seconds of work for a second of source, lately; None while it is not known."""
    lag_s: float = 0.0
    """Session time between the end of the newest item and the moment when it had been read."""
    n_withheld: int = 0
    """Unfinished prefixes that were not translated because the machine was too slow."""
    journal_failing: bool = False

    def count_caption(self, caption: Caption, meter: LiveMeter) -> None:
        """A caption was made; `meter` has seen it."""
        self.n_captions += 1
        self.n_finals += caption.final
        self.behind_s = caption.emitted_s - caption.end_s
        self.normalized_erasure = meter.normalized_erasure
        self.delay_s = meter.delay_s

    def count_load(self, load: LoadControl) -> None:
        """How the machine stands now."""
        self.load = load.state
        self.real_time_factor = load.real_time_factor
        self.lag_s = load.lag_s
