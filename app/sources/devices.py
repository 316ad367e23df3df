"""The inputs of this computer: microphones, and what it plays where the system offers that."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.sources import pulse
from app.sources.errors import SourceError

logger = logging.getLogger(__name__)

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
