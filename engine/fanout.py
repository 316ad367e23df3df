"""Fan-out: one stream of captions, many consumers of different speeds."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from engine.captions import Caption

SNAPSHOT_FINALS = 20
"""Finals that a new consumer is given besides the open segments."""


class OverrunError(RuntimeError):
    """A consumer was so slow that finals would have been lost; it was let go instead.

    Attributes:
        next_seq: the first caption that it missed; the journal has it.
    """

    def __init__(self, next_seq: int) -> None:
        """Name the first caption that was missed."""
        super().__init__(f"too slow: captions from {next_seq} on were not delivered")
        self.next_seq = next_seq


class Subscription:
    """The captions of one consumer, on one event loop.

    A caption replaces a waiting tentative one of its segment: the latest revision wins, so a slow
    consumer sees holes in `seq` and never a stale text. Finals are kept. When `limit` captions
    wait nonetheless, or one has waited for `max_behind_s`, the subscription ends: what waits is
    delivered, then `OverrunError` raised.
    """

    def __init__(
        self,
        fanout: "Fanout",
        limit: int,
        max_behind_s: float | None,
        wanted: Callable[[Caption], bool] | None,
        clock: Callable[[], float],
    ) -> None:
        """See `Fanout.subscribe`."""
        self.n_coalesced = 0
        self._fanout = fanout
        self._limit = limit
        self._max_behind_s = max_behind_s
        self._wanted = wanted
        self._clock = clock
        self._waiting: dict[tuple[str, int, bool], tuple[float, Caption]] = {}
        self._overrun: OverrunError | None = None
        self._closed = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """How many captions wait."""
        return len(self._waiting)

    def close(self) -> None:
        """Leave: nothing more is delivered."""
        self._waiting.clear()
        self._end()

    def __aiter__(self) -> AsyncIterator[Caption]:
        """The captions, until the fan-out or the subscription is closed."""
        return self

    async def __anext__(self) -> Caption:
        """The next caption.

        Raises:
            OverrunError: this consumer was too slow, and all that was kept is delivered.
        """
        while not self._waiting:
            if self._closed:
                if self._overrun is not None:
                    raise self._overrun
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        _, caption = self._waiting.pop(next(iter(self._waiting)))
        return caption

    def _push(self, caption: Caption) -> None:
        if self._closed or (self._wanted is not None and not self._wanted(caption)):
            return
        stale = self._waiting.pop((caption.session, caption.segment, False), None)
        self.n_coalesced += stale is not None
        now_s = self._clock()
        if len(self._waiting) >= self._limit or self._is_behind(now_s):
            self._overrun = OverrunError(caption.seq if stale is None else stale[1].seq)
            self._end()
            return
        self._waiting[caption.session, caption.segment, caption.final] = (now_s, caption)
        self._changed.set()

    def _is_behind(self, now_s: float) -> bool:
        """Whether the oldest caption has waited too long."""
        if self._max_behind_s is None or not self._waiting:
            return False
        oldest_s, _ = next(iter(self._waiting.values()))
        return now_s - oldest_s > self._max_behind_s

    def _end(self) -> None:
        self._closed = True
        self._fanout.remove(self)
        self._changed.set()


class Fanout:
    """Passes captions on to any number of subscriptions; a slow one holds up nobody."""

    def __init__(self) -> None:
        """Start without consumers."""
        self._subscriptions: list[Subscription] = []
        self._finals: deque[Caption] = deque(maxlen=SNAPSHOT_FINALS)
        self._open: dict[tuple[str, int], Caption] = {}
        self._closed = False

    def subscribe(
        self,
        *,
        limit: int = 1000,
        snapshot: bool = False,
        max_behind_s: float | None = None,
        wanted: Callable[[Caption], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Subscription:
        """A new consumer.

        Args:
            limit: captions that may wait for it.
            snapshot: begin with `snapshot()`, without a gap to what follows.
            max_behind_s: seconds that a caption may wait for it.
            wanted: leaves out the captions for which it is false.
            clock: seconds.
        """
        if limit < 1:
            raise ValueError(f"limit = {limit} of a subscription is not 1 or more")
        subscription = Subscription(self, limit, max_behind_s, wanted, clock)
        self._subscriptions.append(subscription)
        if snapshot:
            for caption in self.snapshot():
                subscription._push(caption)
        if self._closed:
            subscription._end()
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription; it does so itself when it closes."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def snapshot(self) -> list[Caption]:
        """The last finals and the newest revision of every open segment, in order."""
        return sorted([*self._finals, *self._open.values()], key=lambda caption: caption.seq)

    def publish(self, caption: Caption) -> None:
        """Give a caption to every subscription; never waits."""
        key = (caption.session, caption.segment)
        self._open.pop(key, None)
        if caption.final:
            self._finals.append(caption)
        else:
            self._open[key] = caption
        for subscription in tuple(self._subscriptions):
            subscription._push(caption)

    def forget_open(self, session: str) -> None:
        """Leave segments that a session did not finish out of snapshots: it failed."""
        self._open = {key: caption for key, caption in self._open.items() if key[0] != session}

    @property
    def closed(self) -> bool:
        """Whether no caption follows."""
        return self._closed

    def close(self) -> None:
        """No caption follows: every subscription ends after what waits for it."""
        self._closed = True
        for subscription in tuple(self._subscriptions):
            subscription._end()
