"""Sound from a microphone, or from what the computer plays where the system offers that as one."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.sources.errors import OnceLogger, SourceError
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, AudioError, AudioNormalizer

logger = logging.getLogger(__name__)

_QUEUE_S = 10.0  # sound that may wait for the consumer; older sound is dropped
_SILENT_DEVICE_S = 3.0  # a device that delivers nothing for this long is taken for unplugged
_LOOPBACK_MARKS = ("monitor", "loopback", "stereo mix", "what u hear", "blackhole", "cable output")

Deliver = Callable[[NDArray[np.float32]], None]
"""Takes a block (n, channels) from the device's own thread."""


@dataclass(frozen=True, slots=True)
class AudioDevice:
    """An input of this computer."""

    index: int
    name: str
    n_channels: int
    rate_hz: int
    is_default: bool
    is_loopback: bool
    """Its name says that it hears what the computer plays."""


class InputStream(Protocol):
    """An open input."""

    def close(self) -> None:
        """Stop and free the device."""
        ...


class AudioSystem(Protocol):
    """Opens inputs; tests put in their own."""

    def devices(self) -> list[AudioDevice]:
        """All inputs."""
        ...

    def open(self, device: AudioDevice, step_s: float, deliver: Deliver) -> InputStream:
        """Start an input that gives blocks of about `step_s` to `deliver`."""
        ...


class PortAudio:
    """The inputs that PortAudio finds, through sounddevice (extra `audio`)."""

    def __init__(self) -> None:
        """Load PortAudio.

        Raises:
            SourceError: sounddevice or the PortAudio library is not installed.
        """
        try:
            import sounddevice
        except ImportError as error:
            raise SourceError(
                "the microphone needs sounddevice: pip install 'dragoman[audio]'"
            ) from error
        except OSError as error:
            raise SourceError(
                "the microphone needs the PortAudio library: on Debian and Ubuntu, "
                "sudo apt-get install libportaudio2"
            ) from error
        self._sounddevice: Any = sounddevice

    def devices(self) -> list[AudioDevice]:
        """All inputs.

        Raises:
            SourceError: PortAudio cannot list them.
        """
        try:
            found = list(self._sounddevice.query_devices())
            default = self._sounddevice.default.device[0]
        except self._sounddevice.PortAudioError as error:
            raise SourceError(f"audio devices cannot be listed: {error}") from error
        return [
            AudioDevice(
                index=index,
                name=info["name"],
                n_channels=info["max_input_channels"],
                rate_hz=round(info["default_samplerate"]),
                is_default=index == default,
                is_loopback=is_loopback(info["name"]),
            )
            for index, info in enumerate(found)
            if info["max_input_channels"] > 0
        ]

    def rescan(self) -> None:
        """Notice devices that came or went since the start; no stream may be open.

        PortAudio lists devices once; starting it anew, which sounddevice does by these two
        functions only, is the way to list them again.
        """
        self._sounddevice._terminate()
        self._sounddevice._initialize()

    def open(self, device: AudioDevice, step_s: float, deliver: Deliver) -> InputStream:
        """Start an input that gives blocks of about `step_s` to `deliver`.

        Raises:
            SourceError: the device is in use, is gone, or refuses its own format.
        """

        def callback(block: NDArray[np.float32], _n: int, _time: object, status: object) -> None:
            if status:
                logger.debug("%s: %s", device.name, status)
            deliver(block.copy())  # PortAudio uses its buffer again

        try:
            stream = self._sounddevice.InputStream(
                device=device.index,
                samplerate=device.rate_hz,
                blocksize=round(device.rate_hz * step_s),
                channels=min(device.n_channels, 2),
                dtype="float32",
                callback=callback,
            )
            stream.start()
        except self._sounddevice.PortAudioError as error:
            raise SourceError(f"{device.name}: cannot be opened: {error}") from error
        started: InputStream = stream
        return started


def is_loopback(name: str) -> bool:
    """Whether a device's name says that it hears what the computer plays."""
    return any(mark in name.lower() for mark in _LOOPBACK_MARKS)


def list_devices(system: AudioSystem | None = None) -> list[AudioDevice]:
    """The inputs of this computer, loopbacks included.

    Raises:
        SourceError: PortAudio is missing, or cannot list them.
    """
    return (system or PortAudio()).devices()


def find_device(wanted: str | int | None, devices: list[AudioDevice]) -> AudioDevice:
    """The device of that index, or whose name contains that text; the default one without.

    Raises:
        SourceError: there is none; the message lists those there are.
    """
    if not devices:
        raise SourceError("no microphone found; plug one in, or give an audio file")
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    for device in devices:
        if device.index == wanted or str(device.index) == wanted:
            return device
    for device in devices:
        if isinstance(wanted, str) and wanted.lower() in device.name.lower():
            return device
    names = "; ".join(f"{device.index}: {device.name}" for device in devices)
    raise SourceError(f"no audio input {wanted!r}; there are {names}")


async def read_microphone(
    device: str | int | None = None,
    *,
    step_s: float = 0.1,
    system: AudioSystem | None = None,
    silent_device_s: float = _SILENT_DEVICE_S,
) -> AsyncIterator[AudioChunk]:
    """Give the sound of an input in chunks of about `step_s`, without end.

    If the consumer falls behind by more than 10 s, the oldest sound is dropped; chunk times show
    the gap.

    Raises:
        SourceError: PortAudio is missing, no such device, it cannot be opened, or it stopped
            delivering (unplugged).
    """
    if system is None:
        system = await asyncio.to_thread(PortAudio)
    chosen = find_device(device, await asyncio.to_thread(system.devices))
    blocks = _BlockQueue(n_longest=max(round(_QUEUE_S / step_s), 1))
    stream = await asyncio.to_thread(system.open, chosen, step_s, blocks.deliver)
    try:
        normalizer = _normalizer(chosen)
        n_given = 0
        while True:
            try:
                async with asyncio.timeout(silent_device_s):
                    block, n_dropped = await blocks.get()
            except TimeoutError as error:
                raise SourceError(
                    f"{chosen.name}: no longer delivers sound; is it unplugged?"
                ) from error
            n_given += round(n_dropped * SAMPLE_RATE_HZ / chosen.rate_hz)
            samples = normalizer.feed(block)
            yield AudioChunk(samples, n_given / SAMPLE_RATE_HZ)
            n_given += len(samples)
    finally:
        await asyncio.to_thread(stream.close)


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
