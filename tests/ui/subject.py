"""The overlay as a program of its own, driven by a test over its input and output.

Its argument is the settings as JSON. Says `ready`, and `finalised` when it was closed. Lines on
its input are captions or notices as JSON, or commands: `end` ends the job, `busy` blocks the
job's thread for a second, `stalls` asks for the longest stall of the GUI thread in ms, `cpu` for
the seconds of processor time used so far, `paints` for the number of repaints so far.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from threading import Event

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication

from engine.captions import Caption
from tests.ui.fakes import FakeArchive, FakeControl
from ui import desktop
from ui.application import OverlaySettings, run_overlay
from ui.control import Publish
from ui.overlay import Overlay
from ui.status import Notice

TICK_MS = 10


class Watchdog:
    """Measures in the GUI thread how long it was kept from its events."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._last_s = 0.0
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Forget what was, and watch from now on."""
        self.longest_ms = 0.0
        self._last_s = time.monotonic()
        self._timer.start(TICK_MS)

    def stop(self) -> None:
        self._timer.stop()

    def _tick(self) -> None:
        now_s = time.monotonic()
        self.longest_ms = max(self.longest_ms, (now_s - self._last_s) * 1000 - TICK_MS)
        self._last_s = now_s


class CountedOverlay(Overlay):
    """Counts its repaints."""

    n_paints = 0

    def paintEvent(self, event: object) -> None:
        CountedOverlay.n_paints += 1
        super().paintEvent(event)


def in_gui(action: object) -> None:
    """Run something in the GUI thread, and wait for it."""
    done = Event()
    application = QApplication.instance()
    QTimer.singleShot(0, application, lambda: (action(), done.set()))
    assert done.wait(10)


async def job(publish: Publish) -> None:
    control.publish = publish
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    watchdog: list[Watchdog] = []
    try:
        print("ready", flush=True)
        while (line := (await lines.readline()).strip().decode()) not in ("", "end"):
            obey(line, publish, watchdog)
    except asyncio.CancelledError:
        print("finalised", flush=True)
        raise
    finally:
        transport.close()


def obey(line: str, publish: Publish, watchdog: list[Watchdog]) -> None:
    if line.startswith("{"):
        data = json.loads(line)
        publish(Notice(**data) if "phase" in data else Caption.from_dict(data))
    elif line == "watch":
        in_gui(lambda: (watchdog.append(Watchdog()), watchdog[-1].start()))
    elif line == "stalls":
        print(watchdog[-1].longest_ms, flush=True)
        in_gui(watchdog[-1].stop)
    elif line == "busy":
        time.sleep(1)
    elif line == "cpu":
        print(time.process_time(), flush=True)
    elif line == "paints":
        print(CountedOverlay.n_paints, flush=True)
    elif line == "control":
        print(json.dumps(control.heard), flush=True)


settings = json.loads(sys.argv[1])
for name in ("place_file", "changes_file"):
    if name in settings:
        settings[name] = Path(settings[name])
controlled = settings.pop("controlled", False)
control = FakeControl(first_start=settings.pop("first_start", False))
vars(desktop)["Overlay"] = CountedOverlay
sys.exit(
    run_overlay(
        job,
        OverlaySettings(**settings),
        control=control if controlled else None,
        archive=FakeArchive() if controlled else None,
    )
)
