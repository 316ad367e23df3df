"""The overlay as a program of its own, driven by a test over its input and output.

Its argument is the settings as JSON. Says `ready`, and `finalised` when it was closed. Lines on
its input are captions or notices as JSON, or commands: `end` ends the job, `busy` blocks the
job's thread for a second, `watch` begins to watch the GUI thread, `stalls` asks for its longest
stall since then in ms, `cpu` for the seconds of processor time used so far, `paints` for the number
of repaints so far, `control` for what the control was told, `listening` for the sources whose level
is watched, `clipboard` for its text; `level 0.5` is what such a source hears.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from engine.captions import Caption
from tests.ui.fakes import FakeArchive, FakeControl
from tests.ui.watched_overlay import WatchedOverlay
from ui import desktop
from ui.application import OverlaySettings, run_overlay
from ui.control import Publish
from ui.status import Notice


async def job(publish: Publish) -> None:
    control.publish = publish
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    try:
        print("ready", flush=True)
        while (line := (await lines.readline()).strip().decode()) not in ("", "end"):
            obey(line, publish)
    except asyncio.CancelledError:
        print("finalised", flush=True)
        raise
    finally:
        transport.close()


def obey(line: str, publish: Publish) -> None:
    if line.startswith("{"):
        data = json.loads(line)
        publish(Notice(**data) if "phase" in data else Caption.from_dict(data))
    elif line == "watch":
        WatchedOverlay.made.watch.emit(True)
    elif line == "stalls":
        print(WatchedOverlay.made.longest_stall_ms, flush=True)
        WatchedOverlay.made.watch.emit(False)
    elif line == "busy":
        time.sleep(1)
    elif line == "cpu":
        print(time.process_time(), flush=True)
    elif line == "paints":
        print(WatchedOverlay.made.n_paints, flush=True)
    elif line == "control":
        print(json.dumps(control.heard), flush=True)
    elif line == "listening":
        print(json.dumps(control.listening), flush=True)
    elif line == "clipboard":
        WatchedOverlay.made.clipboard_wanted.emit()
    elif line.startswith("level"):
        control.level(float(line.split()[1]))


settings = json.loads(sys.argv[1])
for name in ("place_file", "changes_file"):
    if name in settings:
        settings[name] = Path(settings[name])
controlled = settings.pop("controlled", False)
control = FakeControl(first_start=settings.pop("first_start", False))
vars(desktop)["Overlay"] = WatchedOverlay
sys.exit(
    run_overlay(
        job,
        OverlaySettings(**settings),
        control=control if controlled else None,
        archive=FakeArchive() if controlled else None,
    )
)
