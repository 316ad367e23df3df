"""The inputs of this computer: microphones, and what it plays where the system offers that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.sources.errors import SourceError

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
    server_number: int | None = None
    """What the sound server counts it as: a device that comes back has another one."""

    def is_among(self, devices: "list[AudioDevice]") -> bool:
        """Whether it is still there; what was plugged in again in the meantime is not it."""
        facts = (self.name, self.server_number)
        return any((device.name, device.server_number) == facts for device in devices)


class Closable(Protocol):
    """Something that goes on until it is closed; closing it twice is no error."""

    def close(self) -> None:
        """End it, and free what it has."""
        ...


class AudioSystem(Protocol):
    """Opens inputs; tests put in their own."""

    def devices(self) -> list[AudioDevice]:
        """All inputs.

        Raises:
            SourceError: they cannot be listed.
        """
        ...

    def open(
        self,
        device: AudioDevice,
        step_s: float,
        deliver: Deliver,
        on_end: Callable[[], None] = lambda: None,
    ) -> Closable:
        """Start an input that gives blocks of about `step_s` to `deliver`.

        `on_end` is called, from any thread, when no more will come.

        Raises:
            SourceError: the device is in use, is gone, or refuses its own format.
        """
        ...

    def watch(self, on_change: Callable[[], None]) -> Closable:
        """Call, from a thread of its own, when an input came or went, if the system says so."""
        ...

    def rescan(self) -> None:
        """Let `devices` notice what came or went; no input may be open.

        Raises:
            SourceError: there is no sound system any more.
        """
        ...


def is_loopback(name: str) -> bool:
    """Whether a device's name says that it hears what the computer plays."""
    return any(mark in name.lower() for mark in _LOOPBACK_MARKS)


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
        if wanted in (device.index, str(device.index), device.name):
            return device
    for device in devices:
        if isinstance(wanted, str) and wanted.lower() in device.name.lower():
            return device
    names = "; ".join(f"{device.index}: {device.name}" for device in devices)
    raise SourceError(f"no audio input {wanted!r}; there are {names}")
