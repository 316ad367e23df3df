"""Load: what a session leaves out while the machine cannot keep up, so that its lag stays bounded.

First the recogniser's step grows, to twice and four times its length (`stretched`), then source
prefixes that are not finished are no longer translated (`finals only`), and the step, which nothing
but finals depends on then, is eight times as long. Finals are never left out.
When the lag has been small for a while, one measure after another is taken back; after a relapse
that while is twice as long.

Synchronous, without a clock: the times are those that it is told.
"""

from collections import deque
from dataclasses import dataclass

from engine.captions import LoadState

_FACTORS = (1, 2, 4, 8)  # of the recogniser's step, at each level
_LONGEST_CALM_S = 160.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadConfig:
    """When a measure is taken, and when it is taken back."""

    late_s: float = 1.2
    """A larger lag calls for the next measure."""
    calm_lag_s: float = 0.5
    """A lag within this is small."""
    patience_s: float = 2.0
    """Time that a measure has to show its effect."""
    calm_s: float = 10.0
    """How long the lag must be small before a measure is taken back."""
    window_s: float = 10.0
    """Source time over which the real-time factor is measured."""


class LoadControl:
    """Decides for one session; see the module."""

    def __init__(self, config: LoadConfig | None = None) -> None:
        """Start without measures."""
        self._config = config or LoadConfig()
        self.lag_s = 0.0
        """Session time between the end of an item and the moment when it had been read."""
        self._level = 0
        self._changed_s = 0.0
        self._calm_since_s: float | None = None
        self._calm_s = self._config.calm_s
        self._lowered = False  # whether the last change took a measure back
        self._worked_s = 0.0
        self._history: deque[tuple[float, float]] = deque()  # source read, work until then

    @property
    def state(self) -> LoadState:
        """The state to show."""
        if self._level == 0:
            return LoadState.KEEPING_UP
        return LoadState.STRETCHED if self._level < len(_FACTORS) - 1 else LoadState.FINALS_ONLY

    @property
    def step_factor(self) -> int:
        """How many times longer than set the recogniser's step is."""
        return _FACTORS[self._level]

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of work for a second of source, lately; None before a second was read.

        As measured, with the measures that are in force.
        """
        if not self._history:
            return None
        (first_s, first_work_s), (last_s, last_work_s) = self._history[0], self._history[-1]
        read_s = last_s - first_s
        return (last_work_s - first_work_s) / read_s if read_s >= 1.0 else None

    def worked(self, seconds: float) -> None:
        """Count work done for the session: recognition or translation."""
        self._worked_s += seconds

    def read(self, end_s: float, now_s: float) -> None:
        """The source up to session time `end_s` has been read, and it is `now_s`."""
        self._history.append((end_s, self._worked_s))
        while self._history[0][0] < end_s - self._config.window_s:
            self._history.popleft()
        self.lag_s = max(now_s - end_s, 0.0)
        if self.lag_s > self._config.calm_lag_s:
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = now_s
        if self.lag_s > self._config.late_s:
            self._raise(now_s)
        elif self._calm_since_s is not None and now_s - self._calm_since_s >= self._calm_s:
            self._lower(now_s)

    def _raise(self, now_s: float) -> None:
        waited = now_s - self._changed_s >= self._config.patience_s
        if self._level == len(_FACTORS) - 1 or (self._level and not waited):
            return
        if self._lowered:
            self._calm_s = min(2 * self._calm_s, _LONGEST_CALM_S)
        self._change(1, now_s)

    def _lower(self, now_s: float) -> None:
        if self._level:
            self._change(-1, now_s)

    def _change(self, by: int, now_s: float) -> None:
        self._level += by
        self._lowered = by < 0
        self._changed_s = now_s
        self._calm_since_s = None
