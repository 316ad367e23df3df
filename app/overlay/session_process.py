"""A session in a process of its own: what it computes cannot hold up the window, nor end it.

The two sides speak in lines of JSON. To the session go the request (`source`, `settings` as tables,
`log_level`), then `{"stability": TABLE}` whenever the user turns the dial; the end of that stream
ends the session in order. From it come captions in their usual form, `{"notice": …}`,
`{"report": …}` and, as the last word of a session that failed, `{"error": …, "device": …}`. Its log
goes to standard error.
"""

import asyncio
import contextlib
import dataclasses
import json
import logging
import signal
import sys
from typing import Any

from app.config import Settings, tables_of
from app.sources.errors import SourceError
from engine.captions import Caption
from engine.stability import StabilityConfig
from ui.control import Publish
from ui.status import Notice, Report

COMMAND = (sys.executable, "-m", "app.overlay.session_worker")
STOP_S = 30.0
"""A session that was told to end, and has not after this time, is killed."""
LONGEST_LINE = 2**24


class EngineError(RuntimeError):
    """The session failed; the message is one line that says how."""


class SessionProcess:
    """Starts the process, tells it what the user wants, and publishes what comes from it."""

    def __init__(self, source: str, settings: Settings, publish: Publish) -> None:
        """Start nothing yet; the arguments are those of `EngineSession`."""
        self._tables = tables_of(settings)
        self._request = {
            "source": source,
            "settings": self._tables,
            "log_level": logging.getLogger().level,
        }
        self._publish = publish
        self._process: asyncio.subprocess.Process | None = None
        self._stopped = False

    @property
    def process_id(self) -> int | None:
        """Of the process, once it is started."""
        return None if self._process is None else self._process.pid

    def turn(self, stability: StabilityConfig) -> None:
        """Be so steady from now on."""
        table = {k: v for k, v in dataclasses.asdict(stability).items() if v is not None}
        self._tables["stability"] = table  # of a process that is not started yet
        self._send({"stability": table})

    async def run(self) -> None:
        """Run until the source ends; being cancelled is being stopped, in order.

        Raises:
            SourceError: the source is not there.
            EngineError: the session failed, or its process died.
        """
        work = asyncio.create_task(self._work())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            self._stop()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(work, STOP_S)
            raise

    async def _work(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
        )
        self._process = process
        assert process.stdout is not None
        error: Exception | None = None
        try:
            self._send(self._request)
            if self._stopped:
                self._stop()
            async for line in process.stdout:
                error = self._take(json.loads(line)) or error
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if error is not None:
            raise error
        if code and not self._stopped:
            raise EngineError(f"the engine's process ended with {_in_words(code)}")

    def _take(self, said: dict[str, Any]) -> Exception | None:
        """Publish what was said; an error is returned."""
        if "error" in said:
            return (SourceError if said["device"] else EngineError)(said["error"])
        if "notice" in said:
            self._publish(Notice(**said["notice"]))
        elif "report" in said:
            self._publish(Report(**said["report"]))
        else:
            self._publish(Caption.from_dict(said))
        return None

    def _send(self, message: dict[str, Any]) -> None:
        if self._process is not None and not self._stopped:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def _stop(self) -> None:
        self._stopped = True
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()


def _in_words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
