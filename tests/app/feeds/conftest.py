"""Outlets of the tests."""

import pytest

from tests.patience import TIMEOUT_S


@pytest.fixture(autouse=True)
def all_the_time_to_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the other side when the captions end reaches it on a busy machine, too."""
    monkeypatch.setattr("app.feeds.outlets.DRAIN_S", TIMEOUT_S)
