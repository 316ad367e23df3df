"""The other side of `app.overlay.session_process`: the process in which a session runs."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from app import config
from app.errors import describe, is_expected
from app.overlay.engine_session import EngineSession
from app.sources.errors import SourceError
from engine.captions import Caption
from engine.stability import StabilityConfig
from ui.status import News, Notice

logger = logging.getLogger(__name__)

Say = Callable[[dict[str, Any]], None]


def main() -> None:
    """Run the session that standard input asks for."""
    logging.basicConfig(format="dragoman: %(levelname)s: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the overlay tells us
    say = _take_standard_output()
    request = _next_command()
    if request is not None:
        asyncio.run(_serve(request, say))


async def _serve(request: dict[str, Any], say: Say) -> None:
    code = await _session(request, say)
    sys.stderr.flush()
    os._exit(code)  # without waiting for models that are still being loaded


async def _session(request: dict[str, Any], say: Say) -> int:
    logging.getLogger().setLevel(request["log_level"])
    session = EngineSession(
        request["source"],
        config.compose(request["settings"], "the overlay"),
        lambda news: say(_in_json(news)),
    )
    running = asyncio.create_task(session.run())
    loop = asyncio.get_running_loop()
    obey = threading.Thread(target=_obey, args=(session, running, loop), daemon=True)
    obey.start()
    try:
        await running
    except asyncio.CancelledError:
        return 0
    except Exception as error:
        if not is_expected(error):
            logger.error("the session failed", exc_info=error)
        say({"error": describe(error), "device": isinstance(error, SourceError)})
        return 1
    return 0


def _obey(
    session: EngineSession, running: "asyncio.Task[None]", loop: asyncio.AbstractEventLoop
) -> None:
    """In a thread: follow the commands until they end, then end the session."""
    while (command := _next_command()) is not None:
        session.turn(StabilityConfig(**command["stability"]))
    loop.call_soon_threadsafe(running.cancel)


def _next_command() -> dict[str, Any] | None:
    line = sys.stdin.readline()
    command: dict[str, Any] | None = json.loads(line) if line.endswith("\n") else None
    return command


def _in_json(news: News) -> dict[str, Any]:
    if isinstance(news, Caption):
        return news.to_dict(detail=True)
    return {"notice" if isinstance(news, Notice) else "report": dataclasses.asdict(news)}


def _take_standard_output() -> Say:
    """Keep standard output for the overlay: what a library prints goes to standard error."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(message: dict[str, Any]) -> None:
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        with contextlib.suppress(BrokenPipeError):  # the overlay is gone: its last command comes
            print(text, file=lines, flush=True)

    return say


if __name__ == "__main__":
    main()
