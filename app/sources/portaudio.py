"""The inputs that PortAudio finds: Windows, macOS, and Linux where no sound server runs."""

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.sources.devices import AudioDevice, Closable, Deliver, is_loopback
from app.sources.errors import SourceError

logger = logging.getLogger(__name__)


class PortAudio:
    """Implements `AudioSystem` with sounddevice (extra `audio`)."""

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
        """All inputs, as PortAudio found them when it was last told to look.

        Raises:
            SourceError: PortAudio cannot list them.
        """
        try:
            found = self._sounddevice.query_devices()
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

    def open(
        self,
        device: AudioDevice,
        step_s: float,
        deliver: Deliver,
        on_end: Callable[[], None] = lambda: None,
    ) -> Closable:
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
                finished_callback=on_end,
            )
            stream.start()
        except self._sounddevice.PortAudioError as error:
            raise SourceError(f"{device.name}: cannot be opened: {error}") from error
        started: Closable = stream
        return started

    def watch(self, on_change: Callable[[], None]) -> Closable:
        """PortAudio does not say what comes and goes: nothing is ever called."""
        return contextlib.ExitStack()

    def rescan(self) -> None:
        """Start PortAudio anew, which lists devices only then; no input may be open.

        Raises:
            SourceError: there is no sound system any more.
        """
        try:
            self._sounddevice._terminate()
            self._sounddevice._initialize()
        except self._sounddevice.PortAudioError as error:
            raise SourceError(f"audio devices cannot be listed: {error}") from error
