"""Sound from a microphone, or from what the computer plays where the system offers that as one."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.sources import pulse
from app.sources.errors import OnceLogger, SourceError
from app.sources.timer import Timer
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, AudioError, AudioNormalizer

logger = logging.getLogger(__name__)

_QUEUE_S = 10.0  # sound that may wait for the consumer; older sound is dropped
_SILENT_DEVICE_S = 1.0  # a device that delivers nothing for this long is taken for unplugged
_FIRST_BLOCK_S = 3.0  # that long it may take to begin
_RETRY_S = 0.2  # between two looks for a device that is gone
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
    server_source: str | None = None
    """Its name at the sound server, if it is heard through that."""


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

    def rescan(self) -> None:
        """Notice devices that came or went; no stream may be open."""
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
        self._has_server = False

    def devices(self) -> list[AudioDevice]:
        """All inputs: those of PortAudio, then the sources of the sound server one by one.

        Raises:
            SourceError: PortAudio cannot list them.
        """
        try:
            found = list(self._sounddevice.query_devices())
            default = self._sounddevice.default.device[0]
        except self._sounddevice.PortAudioError as error:
            raise SourceError(f"audio devices cannot be listed: {error}") from error
        devices = [
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
        if any(device.name == pulse.DEVICE for device in devices):
            self._has_server = True
            devices += _server_devices(first_index=len(found))
        return devices

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
            with pulse.listening_to(device.server_source):
                stream = self._sounddevice.InputStream(
                    device=device.index if device.server_source is None else pulse.DEVICE,
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

    def rescan(self) -> None:
        """Notice devices that came or went; no stream may be open.

        Raises:
            SourceError: there is no sound system any more, or it has nothing to hear.
        """
        if self._has_server and not pulse.list_sources():
            # ALSA would complain on standard error at every attempt to open the server's device.
            raise SourceError("the sound server has no source")
        try:
            self._sounddevice._terminate()  # PortAudio lists devices once, when it starts
            self._sounddevice._initialize()
        except self._sounddevice.PortAudioError as error:
            raise SourceError(f"audio devices cannot be listed: {error}") from error


def _server_devices(first_index: int) -> list[AudioDevice]:
    return [
        AudioDevice(
            index=index,
            name=source.name,
            n_channels=source.n_channels,
            rate_hz=source.rate_hz,
            is_default=False,
            is_loopback=is_loopback(source.name),
            server_source=source.name,
        )
        for index, source in enumerate(pulse.list_sources(), first_index)
    ]


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
    first_block_s: float = _FIRST_BLOCK_S,
    timer: Timer | None = None,
) -> AsyncIterator[AudioChunk]:
    """Give the sound of an input in chunks of about `step_s`, without end.

    If the consumer falls behind by more than 10 s, the oldest sound is dropped; chunk times show
    the gap. A device that stops delivering (unplugged) is waited for, and the chunks go on when
    one of its name is back; without `device`, when there is any default. Their times show that
    gap, too.

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
                warnings.warn(
                    "%s: no longer delivers sound; is it unplugged? The session goes on when it "
                    "is back",
                    opened.device.name,
                )
                if lost_at_s is None:
                    lost_at_s = timer.now() - (silent_device_s if delivers else first_block_s)
                await asyncio.to_thread(opened.close)
                opened = await _reopen(system, wanted, step_s, blocks.deliver, timer)
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
