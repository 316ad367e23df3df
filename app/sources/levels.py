"""The inputs of this computer as a table, with a meter of how loud each one is."""

import contextlib
import math
import threading
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.live import Live
from rich.table import Table

from app.sources.devices import AudioDevice, AudioSystem
from app.sources.errors import SourceError

FLOOR_DB = -60.0
"""Where the meter begins; 0 dB is the loudest that the device can give."""

_STEP_S = 0.05  # of the blocks that are measured
_REFRESH_S = 0.1
_BAR_CHARS = 24
_FALL_DB = 1.5  # per block, so that a short sound can be seen


class Meter:
    """How loud an input is: rises at once, falls slowly."""

    def __init__(self) -> None:
        """Start at the floor."""
        self.level_db = FLOOR_DB

    def deliver(self, block: NDArray[np.float32]) -> None:
        """Measure a block, from any thread."""
        rms = math.sqrt(float(np.mean(np.square(block)))) if block.size else 0.0
        level_db = 20 * math.log10(rms) if rms > 0 else FLOOR_DB
        self.level_db = min(max(level_db, self.level_db - _FALL_DB, FLOOR_DB), 0.0)

    def bar(self) -> str:
        """The level as a bar with its figure."""
        n_full = round((1 - self.level_db / FLOOR_DB) * _BAR_CHARS)
        return f"{'█' * n_full}{'·' * (_BAR_CHARS - n_full)} {self.level_db:4.0f} dB"


def device_table(
    devices: Sequence[AudioDevice], meters: Mapping[int, Meter] | None = None
) -> Table:
    """The devices by number; with `meters` their levels, of those that could be opened."""
    table = Table(box=None, pad_edge=False)
    table.add_column("no.", justify="right")
    table.add_column("name", overflow="fold")
    table.add_column("hears")
    if meters is not None:
        table.add_column("level", no_wrap=True)
    for device in devices:
        kind = "this computer" if device.is_loopback else "microphone"
        row = [str(device.index), device.name, kind + (" (default)" if device.is_default else "")]
        if meters is not None:
            meter = meters.get(device.index)
            row.append("cannot be opened" if meter is None else meter.bar())
        table.add_row(*row)
    return table


def show_devices(console: Console, system: AudioSystem, *, live: bool) -> None:
    """Print the inputs; `live` goes on with their levels, and with new devices, until Ctrl-C.

    Raises:
        SourceError: there is none, or they cannot be listed.
        KeyboardInterrupt: the user has seen enough of the levels.
    """
    devices = system.devices()
    if not devices:
        raise SourceError("no microphone found; plug one in")
    if not live:
        console.print(device_table(devices))
        return
    changed = threading.Event()
    with (
        contextlib.closing(system.watch(changed.set)),
        Live(console=console, auto_refresh=False) as view,
    ):
        while True:
            _show_levels(system, devices, view, changed)
            changed.clear()
            system.rescan()
            devices = system.devices()


def _show_levels(
    system: AudioSystem, devices: Sequence[AudioDevice], view: Live, changed: threading.Event
) -> None:
    """Measure these devices until one of them goes, or another one comes."""
    with contextlib.ExitStack() as streams:
        meters: dict[int, Meter] = {}
        for device in devices:
            meter = Meter()
            with contextlib.suppress(SourceError):  # in use: the table says so
                streams.callback(system.open(device, _STEP_S, meter.deliver, changed.set).close)
                meters[device.index] = meter
        while not changed.is_set():
            view.update(device_table(devices, meters), refresh=True)
            changed.wait(_REFRESH_S)
