"""How often a peer may ask. No I/O."""

import time
from collections.abc import Callable

_MAX_PEERS = 10_000


class RateLimit:
    """An allowance that refills steadily; a minute's worth of it can be saved up."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with the allowance of a whole minute; `clock` in seconds."""
        self._per_minute = per_minute
        self._clock = clock
        self._left = float(per_minute)
        self._counted_s = clock()

    def allows(self) -> bool:
        """Use up one request, if there is one left."""
        now_s = self._clock()
        refill = (now_s - self._counted_s) * self._per_minute / 60
        self._left = min(self._left + refill, float(self._per_minute))
        self._counted_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class PeerRateLimit:
    """One allowance for each address; of very many addresses the oldest are forgotten."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nobody yet."""
        self._per_minute = per_minute
        self._clock = clock
        self._peers: dict[str, RateLimit] = {}

    def allows(self, peer: str) -> bool:
        """Use up one request of this peer, if it has one left."""
        limit = self._peers.pop(peer, None) or RateLimit(self._per_minute, self._clock)
        self._peers[peer] = limit
        if len(self._peers) > _MAX_PEERS:
            del self._peers[next(iter(self._peers))]
        return limit.allows()
