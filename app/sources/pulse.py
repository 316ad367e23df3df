"""What PulseAudio or PipeWire can hear: every microphone, and the monitor of every speaker.

PortAudio knows the sound server as a single device. Which of its sources that device hears is
chosen by a variable that the server's client library reads when the device is opened.
"""

import contextlib
import logging
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

logger = logging.getLogger(__name__)

DEVICE = "pulse"
"""PortAudio's name of the sound server."""

_VARIABLE = "PULSE_SOURCE"
_TIMEOUT_S = 5.0
_SPEC = re.compile(r"(\d+)ch (\d+)Hz")


@dataclass(frozen=True, slots=True)
class PulseSource:
    """A source of the sound server."""

    name: str
    n_channels: int
    rate_hz: int


def list_sources() -> list[PulseSource]:
    """The sources of the running sound server; none without one, or without `pactl`."""
    try:
        listing = subprocess.run(
            ("pactl", "list", "short", "sources"),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        logger.debug("no sources of a sound server: %s", error)
        return []
    return parse_sources(listing)


def parse_sources(listing: str) -> list[PulseSource]:
    """The sources of `pactl list short sources`: number, name, driver, format, state."""
    sources = []
    for line in listing.splitlines():
        fields = line.split("\t")
        found = _SPEC.search(line)
        if len(fields) >= 4 and found:
            sources.append(PulseSource(fields[1], int(found[1]), int(found[2])))
    return sources


@contextlib.contextmanager
def listening_to(source: str | None) -> Iterator[None]:
    """Let the sound server's device, while it is opened, hear this source; None: its default."""
    if source is None:
        yield
        return
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = source
    try:
        yield
    finally:
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before
