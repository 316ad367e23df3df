"""Sound from a microphone, or from what the computer plays where the system offers that as one."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable

import numpy as np
from numpy.typing import NDArray

from app.sources.devices import (
    AudioDevice,
    AudioSystem,
    Deliver,
    InputStream,
    PortAudio,
    find_device,
)
from app.sources.errors import OnceLogger, SourceError
from app.sources.timer import Timer
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, AudioError, AudioNormalizer

logger = logging.getLogger(__name__)

_QUEUE_S = 10.0  # sound that may wait for the consumer; older sound is dropped
_SILENT_DEVICE_S = 1.0  # a device that delivers nothing for this long is taken for unplugged
_FIRST_BLOCK_S = 3.0  # that long it may take to begin
_RETRY_S = 0.2  # between two looks for a device that is gone


async def read_microphone(
    device: str | int | None = None,
    *,
    step_s: float = 0.1,
    system: AudioSystem | None = None,
    silent_device_s: float = _SILENT_DEVICE_S,
    first_block_s: float = _FIRST_BLOCK_S,
    timer: Timer | None = None,
    on_lost: Callable[[str], None] = lambda reason: None,
    on_found: Callable[[], None] = lambda: None,
) -> AsyncIterator[AudioChunk]:
    """Give the sound of an input in chunks of about `step_s`, without end.

    If the consumer falls behind by more than 10 s, the oldest sound is dropped; chunk times show
    the gap. A device that stops delivering (unplugged) is waited for, and the chunks go on when
    one of its name is back; without `device`, when there is any default. Their times show that
    gap, too.

    Args:
        device: index, name or a part of the name; the default input without.
        step_s: length of a chunk.
        system: opens devices; PortAudio without.
        silent_device_s: a device that delivers nothing for so long is taken for unplugged.
        first_block_s: the same for its first block.
        timer: time and waiting.
        on_lost: told, with the reason, when a device stops delivering.
        on_found: told when it is open again.

    Raises:
        SourceError: PortAudio is missing, no such device, or it cannot be opened at the start.
    """
    if system is None:
        system = await asyncio.to_thread(PortAudio)
    timer = timer or Timer()
    blocks = _BlockQueue(n_longest=max(round(_QUEUE_S / step_s), 1))
    opened = await asyncio.to_thread(_Opened, system, device, step_s, blocks.deliver)
    wanted = None if device is None else opened.device.name
    warnings = OnceLogger(logger)
    try:
        n_given = 0
        lost_at_s: float | None = None
        delivers = False
        while True:
            try:
                async with asyncio.timeout(silent_device_s if delivers else first_block_s):
                    block, n_dropped = await blocks.get()
            except TimeoutError:
                reason = f"{opened.device.name}: no longer delivers sound; is it unplugged?"
                warnings.warn("%s The session goes on when it is back", reason)
                on_lost(reason)
                if lost_at_s is None:
                    lost_at_s = timer.now() - (silent_device_s if delivers else first_block_s)
                await asyncio.to_thread(opened.close)
                opened = await _reopen(system, wanted, step_s, blocks.deliver, timer)
                on_found()
                delivers = False
                continue
            delivers = True
            if lost_at_s is not None:
                n_given += round(max(timer.now() - lost_at_s - step_s, 0.0) * SAMPLE_RATE_HZ)
                lost_at_s = None
                warnings = OnceLogger(logger)
            n_given += round(n_dropped * SAMPLE_RATE_HZ / opened.device.rate_hz)
            samples = opened.normalizer.feed(block)
            yield AudioChunk(samples, n_given / SAMPLE_RATE_HZ)
            n_given += len(samples)
    finally:
        await asyncio.to_thread(opened.close)


class _Opened:
    """A device that delivers, with what makes 16 kHz mono of its sound."""

    def __init__(
        self, system: AudioSystem, wanted: str | int | None, step_s: float, deliver: Deliver
    ) -> None:
        self.device = find_device(wanted, system.devices())
        self.normalizer = _normalizer(self.device)
        self._stream: InputStream | None = system.open(self.device, step_s, deliver)

    def close(self) -> None:
        """Free the device; the second time there is nothing to do."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


async def _reopen(
    system: AudioSystem, wanted: str | None, step_s: float, deliver: Deliver, timer: Timer
) -> _Opened:
    """The device, as soon as it is there again."""

    def look() -> _Opened:
        system.rescan()
        return _Opened(system, wanted, step_s, deliver)

    while True:
        looking = asyncio.ensure_future(asyncio.to_thread(look))
        try:
            return await asyncio.shield(looking)
        except asyncio.CancelledError:
            with contextlib.suppress(SourceError):
                (await looking).close()
            raise
        except SourceError as error:
            logger.debug("not back yet: %s", error)
            await timer.sleep(_RETRY_S)


def _normalizer(device: AudioDevice) -> AudioNormalizer:
    try:
        return AudioNormalizer(device.rate_hz)
    except AudioError as error:
        raise SourceError(f"{device.name}: {error}") from error


class _BlockQueue:
    """Blocks on their way from the device's thread to the event loop; drops the oldest."""

    def __init__(self, n_longest: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._blocks: deque[NDArray[np.float32]] = deque()
        self._n_longest = n_longest
        self._n_dropped = 0  # samples per channel since the last block given
        self._filled = asyncio.Event()
        self._warnings = OnceLogger(logger)

    def deliver(self, block: NDArray[np.float32]) -> None:
        """Take a block from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._put, block)
        except RuntimeError:
            logger.debug("the event loop ended before the device did")

    async def get(self) -> tuple[NDArray[np.float32], int]:
        """The oldest block, and how many samples were dropped in front of it."""
        while not self._blocks:
            self._filled.clear()
            await self._filled.wait()
        n_dropped, self._n_dropped = self._n_dropped, 0
        return self._blocks.popleft(), n_dropped

    def _put(self, block: NDArray[np.float32]) -> None:
        if len(self._blocks) >= self._n_longest:
            self._n_dropped += len(self._blocks.popleft())
            self._warnings.warn("the machine is behind; the oldest sound is left out")
        self._blocks.append(block)
        self._filled.set()
