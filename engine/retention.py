"""Retention: which sessions of the journal are given up, by their age and by their size."""

from collections.abc import Sequence
from dataclasses import dataclass

_SECONDS_OF_DAY = 86_400
_BYTES_OF_MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionConfig:
    """The table `[retention]`: how long sessions are kept; without settings, for ever."""

    days: float | None = None
    """Sessions that began longer ago are removed."""
    megabytes: float | None = None
    """The oldest sessions are removed until all of them, with their sound, take no more."""

    def __post_init__(self) -> None:
        """Raise ValueError, naming key, value and valid range, for the first bad setting."""
        for name in ("days", "megabytes"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"retention {name} is {value}, must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """What a session takes up."""

    id: str
    started_at: float
    """Seconds since 1970, UTC."""
    n_bytes: int
    open: bool
    """Whether it is being written now; then it is never given up."""


def expired(
    sessions: Sequence[StoredSession], config: RetentionConfig, now: float
) -> list[StoredSession]:
    """The sessions to be given up, of those given oldest first; `now` in seconds since 1970."""
    oldest = float("-inf") if config.days is None else now - config.days * _SECONDS_OF_DAY
    room = float("inf") if config.megabytes is None else config.megabytes * _BYTES_OF_MB
    excess = sum(session.n_bytes for session in sessions) - room
    given_up = []
    for session in sessions:
        if not session.open and (session.started_at < oldest or excess > 0):
            given_up.append(session)
            excess -= session.n_bytes
    return given_up
