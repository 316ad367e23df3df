"""Sound from a microphone, or from what the computer plays where the system offers that as one."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import numpy as np
from numpy.typing import NDArray

from app.sources.audio_system import find_audio_system
from app.sources.block_queue import BlockQueue, EndedError
from app.sources.devices import AudioDevice, AudioSystem, find_device
from app.sources.errors import SourceError
from app.sources.timer import Timer
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, AudioError, AudioNormalizer

logger = logging.getLogger(__name__)

_QUEUE_S = 10.0  # sound that may wait for the consumer; older sound is dropped
_SILENT_DEVICE_S = 1.0  # a device that delivers nothing for this long is taken for unplugged
_FIRST_BLOCK_S = 3.0  # that long it may take to begin
_RETRY_S = 0.5  # between two looks for a device that is gone, where nobody tells that it is back


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
    the gap. A device that is unplugged is waited for, and is silence until one of its name is back;
    without `device`, until there is any default. So what was said before is finished as by
    any other pause.

    Args:
        device: index, name or a part of the name; the default input without.
        step_s: length of a chunk.
        system: opens devices; without, that of this computer.
        silent_device_s: a device that delivers nothing for so long is taken for unplugged.
        first_block_s: the same for its first block.
        timer: time and waiting.
        on_lost: told, with the reason, when a device stops delivering.
        on_found: told when it delivers again.

    Raises:
        SourceError: nothing can be heard on this computer, no such device, or it cannot be opened
            at the start.
    """
    if system is None:
        system = await asyncio.to_thread(find_audio_system)
    timer = timer or Timer()
    opened = await _open(system, device, step_s, timer)
    wanted = None if device is None else opened.device.name
    position = _Position(timer.now())
    lost = delivers = False
    try:
        while True:
            try:
                async with asyncio.timeout(silent_device_s if delivers else first_block_s):
                    block = await opened.blocks.get()
            except (TimeoutError, EndedError):
                if not lost:
                    reason = f"{opened.device.name}: no longer delivers sound; is it unplugged?"
                    logger.warning("%s The session goes on when it is back", reason)
                    on_lost(reason)
                    lost = True
                await asyncio.to_thread(opened.close)
                yield position.rest(opened.normalizer.flush())
                async with _Arrivals(system) as arrivals:
                    if not delivers:  # it was just opened: not again and again without a pause
                        await arrivals.wait(timer)
                    while (found := await _look(system, wanted, step_s, timer)) is None:
                        await arrivals.wait(timer)
                        # What is heard from now on arrives in a block that begins by then.
                        yield position.silence(timer.now() - step_s)
                opened, delivers = found, False
                continue
            delivers = True
            if lost:
                lost = False
                began_s = block.arrived_s - len(block.samples) / opened.device.rate_hz
                yield position.silence(began_s)
                on_found()
            position.skip(block.n_dropped / opened.device.rate_hz)
            yield position.sound(opened.normalizer.feed(block.samples), block.arrived_s)
    finally:
        await asyncio.to_thread(opened.close)


class _Position:
    """How much was given: session time, which keeps to the clock while there is no device."""

    def __init__(self, now_s: float) -> None:
        self._n_given = 0
        self._clock_s = now_s  # when what was given last was heard

    def sound(self, samples: NDArray[np.float32], heard_s: float) -> AudioChunk:
        """What was heard until then."""
        self._clock_s = heard_s
        return self._chunk(samples)

    def rest(self, samples: NDArray[np.float32]) -> AudioChunk:
        """What was held back of the sound before."""
        return self._chunk(samples)

    def silence(self, until_s: float) -> AudioChunk:
        """Nothing was heard since the last sound, until then."""
        n_samples = max(round((until_s - self._clock_s) * SAMPLE_RATE_HZ), 0)
        self._clock_s += n_samples / SAMPLE_RATE_HZ
        return self._chunk(np.zeros(n_samples, np.float32))

    def skip(self, seconds: float) -> None:
        """So much was heard and is left out."""
        self._n_given += round(seconds * SAMPLE_RATE_HZ)

    def _chunk(self, samples: NDArray[np.float32]) -> AudioChunk:
        chunk = AudioChunk(samples, self._n_given / SAMPLE_RATE_HZ)
        self._n_given += len(samples)
        return chunk


class _Opened:
    """A device that delivers, with what makes 16 kHz mono of its sound."""

    def __init__(
        self, system: AudioSystem, wanted: str | int | None, step_s: float, blocks: BlockQueue
    ) -> None:
        self.device = find_device(wanted, system.devices())
        self.normalizer = _normalizer(self.device)
        self.blocks = blocks
        self._system = system
        with contextlib.ExitStack() as opening:
            opening.callback(system.watch(self._end_if_gone).close)
            stream = system.open(self.device, step_s, blocks.deliver, blocks.end)
            opening.callback(stream.close)
            self._open = opening.pop_all()

    def close(self) -> None:
        """Free the device; the second time there is nothing to do."""
        self._open.close()

    def _end_if_gone(self) -> None:
        """Whatever it is that is heard instead: the user asked for this one."""
        try:
            devices = self._system.devices()
        except SourceError:
            devices = []
        if not self.device.is_among(devices):
            self.blocks.end()


class _Arrivals:
    """Tells when it is worth while to look for a device."""

    def __init__(self, system: AudioSystem) -> None:
        self._system = system
        self._changed = asyncio.Event()

    async def __aenter__(self) -> "_Arrivals":
        loop = asyncio.get_running_loop()

        def change() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._changed.set)

        self._watch = await asyncio.to_thread(self._system.watch, change)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._watch.close)

    async def wait(self, timer: Timer) -> None:
        """Until a device came or went, or half a second is over."""
        told = asyncio.ensure_future(self._changed.wait())
        over = asyncio.ensure_future(timer.sleep(_RETRY_S))
        try:
            await asyncio.wait((told, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            over.cancel()
        self._changed.clear()


async def _look(
    system: AudioSystem, wanted: str | None, step_s: float, timer: Timer
) -> _Opened | None:
    """The device, if it is there again."""
    try:
        await asyncio.to_thread(system.rescan)
        return await _open(system, wanted, step_s, timer)
    except SourceError as error:
        logger.debug("not back yet: %s", error)
        return None


async def _open(
    system: AudioSystem, wanted: str | int | None, step_s: float, timer: Timer
) -> _Opened:
    """Open a device off the event loop; nothing stays open if that is cancelled."""
    blocks = BlockQueue(max(round(_QUEUE_S / step_s), 1), timer.now)
    opening = asyncio.ensure_future(asyncio.to_thread(_Opened, system, wanted, step_s, blocks))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with contextlib.suppress(SourceError):
            (await opening).close()
        raise


def _normalizer(device: AudioDevice) -> AudioNormalizer:
    try:
        return AudioNormalizer(device.rate_hz)
    except AudioError as error:
        raise SourceError(f"{device.name}: {error}") from error
