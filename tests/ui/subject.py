"""The overlay as a program of its own, driven by a test: captions as JSON lines on its input.

Says `ready`, and `finalised` when it was closed; a line `end` ends the job. Its argument is the
settings as JSON.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

from engine.captions import Caption
from ui.application import OverlaySettings, run_overlay


async def job(publish: Callable[[Caption], None]) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    try:
        print("ready", flush=True)
        while (line := await lines.readline()).strip() not in (b"", b"end"):
            publish(Caption.from_json(line))
    except asyncio.CancelledError:
        print("finalised", flush=True)
        raise
    finally:
        transport.close()


settings = json.loads(sys.argv[1])
if "place_file" in settings:
    settings["place_file"] = Path(settings["place_file"])
sys.exit(run_overlay(job, OverlaySettings(**settings)))
