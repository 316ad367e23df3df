from app.server.rate import PeerRateLimit
from tests.fakes import ManualClock


def test_an_allowance_refills_steadily_and_each_peer_has_its_own() -> None:
    clock = ManualClock()
    limit = PeerRateLimit(60, clock)
    assert [limit.allows("a") for _ in range(61)] == [True] * 60 + [False]
    assert limit.allows("b")
    clock.now_s = 1.5
    assert [limit.allows("a") for _ in range(2)] == [True, False]
    clock.now_s = 1000.0
    assert sum(limit.allows("a") for _ in range(100)) == 60
