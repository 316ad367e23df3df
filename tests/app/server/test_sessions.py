"""Session time of a stream of sound, by a clock of the test's own."""

from types import SimpleNamespace

import numpy as np
import pytest

from app.server import sessions
from app.server.sessions import SoundSession
from engine.audio import SAMPLE_RATE_HZ
from tests.fakes import ManualClock

PIECE = np.zeros(SAMPLE_RATE_HZ // 2, np.float32)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """The clock on the wall, which the test moves."""
    clock = ManualClock(1000.0)
    monkeypatch.setattr(sessions, "time", SimpleNamespace(monotonic=clock))
    return clock


async def test_pauses_of_a_peer_that_sends_only_speech_do_not_add_up_to_a_delay(
    wall: ManualClock,
) -> None:
    session = SoundSession("test", lossless=False)
    late_s, told_s = [], []
    for _ in range(100):
        session.put(PIECE)
        wall.now_s += 0.5
        told_s.append(session.clock())
        late_s.append(told_s[-1] - session.sound.end_s)
        wall.now_s += 0.4
    session.finish()
    assert max(late_s) <= sessions.SILENCE_S + 0.01
    assert told_s == sorted(told_s)


async def test_a_stream_that_its_machine_is_too_slow_for_is_late(wall: ManualClock) -> None:
    session = SoundSession("test", lossless=False)
    for _ in range(20):  # without a pause, and nobody reads
        session.put(PIECE)
        wall.now_s += 0.5
    wall.now_s += 3.0
    assert session.clock() == pytest.approx(13.0)
    session.finish()
