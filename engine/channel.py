"""Channels: the bounded queues between the tasks of one event loop."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from engine.source import SourcePrefix

T = TypeVar("T")


class Channel(Generic[T]):
    """A bounded queue with an end. One task puts, one task iterates; both on one event loop.

    When it is full, `put` waits; with `drop_oldest` the oldest item is dropped and counted
    instead.
    """

    def __init__(self, limit: int, *, drop_oldest: bool = False) -> None:
        """Start empty and open; `limit` is the number of items it holds."""
        if limit < 1:
            raise ValueError(f"limit = {limit} of a queue is not 1 or more")
        self.n_dropped = 0
        self._limit = limit
        self._drop_oldest = drop_oldest
        self._items: deque[T] = deque()
        self._closed = False
        self._idle = False
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()

    async def put(self, item: T) -> None:
        """Add an item; on a closed channel it is discarded."""
        if not await self.room():
            return
        if self._full():
            self._items.popleft()
            self.n_dropped += 1
        self._items.append(item)
        self._idle = False
        self._changed.set()

    async def room(self) -> bool:
        """Wait until `put` would not wait; False on a closed channel, which takes nothing in."""
        while self._full() and not self._drop_oldest and not self._closed:
            self._taken.clear()
            await self._taken.wait()
        return not self._closed

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken in."""
        return self._closed

    def close(self) -> None:
        """No item follows; those that wait are still read."""
        self._closed = True
        self._changed.set()
        self._taken.set()

    def discard(self) -> None:
        """Close, and drop what waits."""
        self._items.clear()
        self.close()

    async def drained(self) -> None:
        """Wait until the reader is done with every item and asks for the next, or is gone."""
        while not self._idle and not self._closed:
            self._taken.clear()
            await self._taken.wait()

    def __aiter__(self) -> AsyncIterator[T]:
        """The items, until the channel is closed and empty."""
        return self

    async def __anext__(self) -> T:
        """The next item; it leaves the channel now."""
        while not self._items:
            if self._closed:
                raise StopAsyncIteration
            self._idle = True
            self._taken.set()
            self._changed.clear()
            await self._changed.wait()
        item = self._items.popleft()
        self._taken.set()
        return item

    def _full(self) -> bool:
        return len(self._items) >= self._limit


class PrefixChannel(Channel[SourcePrefix]):
    """Source prefixes on their way to the translator.

    With `conflate`, a prefix replaces a waiting unfinished prefix of its segment: the translator
    is busy and the older one is stale. Finished prefixes are never dropped; when `limit` prefixes
    wait, `put` waits too.
    """

    def __init__(self, limit: int, *, conflate: bool) -> None:
        """Start empty and open."""
        super().__init__(limit)
        self.n_conflated = 0
        self._conflate = conflate

    async def put(self, item: SourcePrefix) -> None:
        """Add a prefix, or put it in the place of a stale one."""
        if self._conflate and self._items:
            last = self._items[-1]
            if last.segment == item.segment and not last.finished and not self._closed:
                self._items[-1] = item
                self.n_conflated += 1
                return
        await super().put(item)
