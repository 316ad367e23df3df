"""What PulseAudio or PipeWire can hear: every microphone, and the monitor of every speaker.

Its own programs, `pactl` and `parec`, list, watch and record. PortAudio knows the sound server as
a single device and cannot say which of its sources that is to hear, nor when one comes or goes.
"""

import contextlib
import logging
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import numpy as np

from app.sources.devices import AudioDevice, Closable, Deliver, is_loopback
from app.sources.errors import SourceError

logger = logging.getLogger(__name__)

DEFAULT = "default"
"""A device that hears what the server takes for the default source, now and later."""

_TIMEOUT_S = 5.0
_LATENCY_MS = 50  # the server keeps 2 s back unless asked for less
_SAMPLE_BYTES = 4
_SPEC = re.compile(r"(\d+)ch (\d+)Hz")
_CAME_OR_WENT = re.compile(r"Event '(new|remove)' on source #")


@dataclass(frozen=True, slots=True)
class PulseSource:
    """A source of the sound server."""

    number: int
    name: str
    n_channels: int
    rate_hz: int


class SoundServer:
    """Implements `AudioSystem` with the sound server that runs."""

    def answers(self) -> bool:
        """Whether a sound server runs, and its programs are installed."""
        if shutil.which("parec") is None:
            return False
        try:
            _pactl("list", "short", "sources")
        except SourceError as error:
            logger.debug("%s", error)
            return False
        return True

    def devices(self) -> list[AudioDevice]:
        """What the server takes for the default, whichever that becomes; then every source.

        Raises:
            SourceError: the server does not answer.
        """
        sources = parse_sources(_pactl("list", "short", "sources"))
        if not sources:
            return []
        name = _default()
        default = next((source for source in sources if source.name == name), sources[0])
        return [
            _device(0, default, name=DEFAULT, number=None),
            *(
                _device(index, source, name=source.name, number=source.number)
                for index, source in enumerate(sources, 1)
            ),
        ]

    def open(
        self,
        device: AudioDevice,
        step_s: float,
        deliver: Deliver,
        on_end: Callable[[], None] = lambda: None,
    ) -> Closable:
        """Start an input that gives blocks of about `step_s` to `deliver`.

        The server may let a stream whose source went hear another one: `watch` tells when to look.

        Raises:
            SourceError: `parec` cannot be started.
        """
        n_channels = min(device.n_channels, 2)
        command = [
            "parec",
            "--client-name=dragoman",
            "--raw",
            "--format=float32le",
            f"--rate={device.rate_hz}",
            f"--channels={n_channels}",
            f"--latency-msec={_LATENCY_MS}",
        ]
        if device.server_number is not None:
            command.append(f"--device={device.name}")
        frame_bytes = n_channels * _SAMPLE_BYTES
        block_bytes = max(round(device.rate_hz * step_s), 1) * frame_bytes

        def read(output: IO[bytes]) -> None:
            while data := output.read(block_bytes):
                whole = data[: len(data) // frame_bytes * frame_bytes]
                deliver(np.frombuffer(whole, "<f4").reshape(-1, n_channels))
            on_end()

        return _Reading(command, read)

    def watch(self, on_change: Callable[[], None]) -> Closable:
        """Call, from a thread of its own, when a source came or went."""

        def read(output: IO[bytes]) -> None:
            for line in output:
                if _CAME_OR_WENT.match(line.decode(errors="replace")):
                    on_change()

        try:
            return _Reading(["pactl", "subscribe"], read)
        except SourceError as error:
            logger.debug("nobody tells what comes and goes: %s", error)
            return contextlib.ExitStack()

    def rescan(self) -> None:
        """The server is asked every time: there is nothing to do."""


def parse_sources(listing: str) -> list[PulseSource]:
    """The sources of `pactl list short sources`: number, name, driver, format, state."""
    sources = []
    for line in listing.splitlines():
        fields = line.split("\t")
        found = _SPEC.search(line)
        if len(fields) >= 4 and found and fields[0].isdecimal():
            number, name = int(fields[0]), fields[1]
            sources.append(PulseSource(number, name, int(found[1]), int(found[2])))
    return sources


class _Reading:
    """A program whose output a thread reads until it ends, or is closed."""

    def __init__(self, command: list[str], read: Callable[[IO[bytes]], None]) -> None:
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for us: the last sound is still to come
            )
        except OSError as error:
            raise SourceError(f"{command[0]} cannot be started: {error.strerror}") from error
        assert self._process.stdout is not None
        self._output = self._process.stdout
        self._thread = threading.Thread(target=read, args=(self._output,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the program."""
        self._process.terminate()
        self._thread.join()
        self._output.close()
        self._process.wait()


def _pactl(*arguments: str) -> str:
    """What `pactl` prints; raises SourceError."""
    try:
        return subprocess.run(
            ("pactl", *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
            env=_environment(),
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise SourceError(f"the sound server does not answer: {error}") from error


def _default() -> str | None:
    """Name of the default source; None where an older `pactl` cannot say it."""
    try:
        return _pactl("get-default-source").strip()
    except SourceError:
        return None


def _environment() -> dict[str, str]:
    """Ours, but in the words that are parsed here."""
    return {**os.environ, "LC_ALL": "C"}


def _device(index: int, source: PulseSource, *, name: str, number: int | None) -> AudioDevice:
    return AudioDevice(
        index=index,
        name=name,
        n_channels=source.n_channels,
        rate_hz=source.rate_hz,
        is_default=index == 0,
        is_loopback=is_loopback(source.name),
        server_number=number,
    )
