"""The sound of one stream on its way to the recogniser: bounded in seconds."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import numpy as np

from engine.audio import SAMPLE_RATE_HZ, AudioChunk, Samples

CHUNK_S = 0.1
"""Pieces that are shorter wait for more: each costs a call of the recogniser."""
MAX_CHUNK_S = 0.4
"""So much at a time: other streams have their turn in between."""


class SoundQueue:
    """Samples in, chunks out; one task on either side, both on one event loop.

    When `max_s` wait, the oldest sound is left out and counted, and chunk times show the gap; a
    writer that must not lose any asks for `room` first.
    """

    def __init__(self, max_s: float) -> None:
        """Start empty and open."""
        self.dropped_s = 0.0
        self._max_samples = round(max_s * SAMPLE_RATE_HZ)
        self._pieces: deque[Samples] = deque()
        self._n_waiting = 0
        self._n_taken = 0  # samples that left, taken or dropped: where the next chunk starts
        self._flushing = False
        self._closed = False
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()

    @property
    def end_s(self) -> float:
        """Stream time behind the newest sample."""
        return (self._n_taken + self._n_waiting) / SAMPLE_RATE_HZ

    def put(self, samples: Samples) -> None:
        """Add samples; never waits."""
        if self._closed or not len(samples):
            return
        self._pieces.append(samples)
        self._n_waiting += len(samples)
        excess = self._n_waiting - self._max_samples
        if excess > 0:
            self._take(excess)
            self.dropped_s += excess / SAMPLE_RATE_HZ
        self._changed.set()

    async def room(self) -> None:
        """Wait until no more than half of the queue is full."""
        while self._n_waiting > self._max_samples // 2 and not self._closed:
            self._taken.clear()
            await self._taken.wait()

    def flush(self) -> None:
        """Give what waits even if it is short."""
        self._flushing = True
        self._changed.set()

    def close(self) -> None:
        """No sound follows; what waits is still given."""
        self._closed = True
        self._changed.set()
        self._taken.set()

    def __aiter__(self) -> AsyncIterator[AudioChunk]:
        """The chunks, until the queue is closed and empty."""
        return self

    async def __anext__(self) -> AudioChunk:
        """The next chunk, as long as there is sound, up to `MAX_CHUNK_S`."""
        while not self._ready():
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        start_s = self._n_taken / SAMPLE_RATE_HZ
        samples = self._take(min(self._n_waiting, round(MAX_CHUNK_S * SAMPLE_RATE_HZ)))
        self._flushing = self._flushing and self._n_waiting > 0
        return AudioChunk(samples, start_s)

    def _ready(self) -> bool:
        if self._closed or self._flushing:
            return self._n_waiting > 0
        return self._n_waiting >= CHUNK_S * SAMPLE_RATE_HZ

    def _take(self, n_samples: int) -> Samples:
        parts, n_missing = [], n_samples
        while n_missing:
            piece = self._pieces.popleft()
            if len(piece) > n_missing:
                self._pieces.appendleft(piece[n_missing:])
                piece = piece[:n_missing]
            parts.append(piece)
            n_missing -= len(piece)
        self._n_waiting -= n_samples
        self._n_taken += n_samples
        self._taken.set()
        return np.concatenate(parts)
