"""Retention: the oldest go first, and never one that is being written."""

import pytest

from engine.retention import RetentionConfig, StoredSession, expired

DAY_S = 86_400
NOW = 100 * DAY_S


def stored(
    name: str, age_days: float, megabytes: int = 1, *, is_open: bool = False
) -> StoredSession:
    return StoredSession(
        id=name,
        started_at=NOW - age_days * DAY_S,
        n_bytes=megabytes * 1_000_000,
        open=is_open,
    )


def ids(sessions: list[StoredSession], **settings: float) -> list[str]:
    return [session.id for session in expired(sessions, RetentionConfig(**settings), NOW)]


def test_everything_is_kept_unless_a_limit_is_set() -> None:
    assert ids([stored("a", 5000, 5000)]) == []


def test_sessions_beyond_the_age_go() -> None:
    assert ids([stored("a", 31), stored("b", 29)], days=30) == ["a"]


def test_the_oldest_go_until_the_rest_fits() -> None:
    sessions = [stored("a", 4, 3), stored("b", 3, 3), stored("c", 2, 3), stored("d", 1, 3)]
    assert ids(sessions, megabytes=6) == ["a", "b"]
    assert ids(sessions, megabytes=12) == []


def test_an_open_session_stays_whatever_its_age_and_size() -> None:
    sessions = [stored("a", 90, 50, is_open=True), stored("b", 1, 1)]
    assert ids(sessions, days=30, megabytes=10) == ["b"]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_limits_out_of_range_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="retention days"):
        RetentionConfig(days=value)
