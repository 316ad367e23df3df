"""Blocks of sound on their way from a device's thread to the event loop."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.sources.errors import OnceLogger

logger = logging.getLogger(__name__)


class EndedError(Exception):
    """The device gives no more, and every block was taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """What a device gave at once."""

    samples: NDArray[np.float32]
    """Shape (n, channels), at the device's rate."""
    arrived_s: float
    """When, on the clock of the queue."""
    n_dropped: int
    """Samples per channel that were dropped in front of it."""


class BlockQueue:
    """Bounded: drops the oldest block for the newest, and says how much that was."""

    def __init__(self, n_longest: int, now: Callable[[], float]) -> None:
        """Be empty; to be made on the event loop that takes the blocks.

        Args:
            n_longest: blocks that may wait.
            now: seconds.
        """
        self._loop = asyncio.get_running_loop()
        self._n_longest = n_longest
        self._now = now
        self._blocks: deque[tuple[NDArray[np.float32], float]] = deque()
        self._n_dropped = 0  # samples per channel since the last block given
        self._ended = False
        self._changed = asyncio.Event()
        self._warnings = OnceLogger(logger)

    def deliver(self, samples: NDArray[np.float32]) -> None:
        """Take a block (n, channels) from any thread."""
        self._call(lambda: self._put(samples))

    def end(self) -> None:
        """Take no more after those that were delivered; from any thread."""
        self._call(self._end)

    async def get(self) -> Block:
        """The oldest block.

        Raises:
            EndedError: there is none, and none will come.
        """
        while not self._blocks:
            if self._ended:
                raise EndedError
            self._changed.clear()
            await self._changed.wait()
        n_dropped, self._n_dropped = self._n_dropped, 0
        return Block(*self._blocks.popleft(), n_dropped)

    def _put(self, samples: NDArray[np.float32]) -> None:
        if len(self._blocks) >= self._n_longest:
            self._n_dropped += len(self._blocks.popleft()[0])
            self._warnings.warn("the machine is behind; the oldest sound is left out")
        self._blocks.append((samples, self._now()))
        self._changed.set()

    def _end(self) -> None:
        self._ended = True
        self._changed.set()

    def _call(self, function: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            logger.debug("the event loop ended before the device did")
