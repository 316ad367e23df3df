"""`dragoman sessions replay`: a session of the journal, given out again at any pace."""

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from app.running.delivery import Delivery, Outputs
from app.running.showing import choose_show, exit_code, make_outputs, show_delivery
from app.running.sinks import open_sinks
from app.sessions.name import new_session_name
from app.sources.timer import Timer
from app.terminal.log import log_to
from engine.captions import Caption

if TYPE_CHECKING:
    from app.config import Settings


class ReplayError(ValueError):
    """There is nothing to replay, or no such pace."""


def parse_pace(text: str) -> float:
    """How many times as fast as it was: `real` is 1, `fast` as fast as possible, or a number.

    Raises:
        ReplayError: it is none of them.
    """
    named = {"real": 1.0, "fast": math.inf}
    try:
        pace = named[text] if text in named else float(text)
    except ValueError:
        pace = math.nan
    if not pace > 0:
        raise ReplayError(f"--pace is {text!r}, must be real, fast or a number above 0, such as 2")
    return pace


class Replay(Delivery):
    """Gives captions out as they were, under the name of a new session.

    The new name lets viewers tell them from those that they have seen already.
    """

    def __init__(
        self,
        captions: Sequence[Caption],
        pace: float,
        outputs: Outputs,
        *,
        timer: Timer | None = None,
    ) -> None:
        """Give nothing out yet; `pace` as from `parse_pace`."""
        super().__init__(new_session_name(), outputs)
        self._captions = captions
        self._pace = pace
        self._timer = timer or Timer()

    async def captions(self) -> AsyncGenerator[Caption, None]:
        """Each caption when its time has come, counted from the first words on."""
        begin = self._timer.now()
        start_s = self._captions[0].start_s
        for caption in self._captions:
            due = begin + (caption.emitted_s - start_s) / self._pace
            if self._pace < math.inf and await self._stopped_before(due):
                return
            self.position_s = max(self.position_s, caption.emitted_s)
            self.stats.count_caption(caption)
            yield replace(caption, session=self.session)
            if self.stopping.is_set():
                return

    async def _stopped_before(self, due: float) -> bool:
        stopping = asyncio.create_task(self.stopping.wait())
        waiting = asyncio.ensure_future(self._timer.sleep(max(due - self._timer.now(), 0.0)))
        try:
            await asyncio.wait((stopping, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
        return self.stopping.is_set()


def main(session: str, captions: Sequence[Caption], pace: float, settings: "Settings") -> int:
    """Replay the captions of a session into what the settings ask for; the exit code.

    Raises:
        ReplayError: it has no captions.
        Exception: what an output raised that the user can mend.
    """
    if not captions:
        raise ReplayError(f"session {session} has no captions")
    console = Console(stderr=True, highlight=False)
    log_to(console)
    show = choose_show(settings.run, console)
    sinks = open_sinks(settings.run)
    outputs = make_outputs(settings, console, sinks, journal=None)
    replay = Replay(captions, pace, outputs)
    try:
        duration_s = captions[-1].emitted_s
        caught = show_delivery(replay, show, console, settings, duration_s=duration_s)
    finally:
        closed = [sink.close() for sink in sinks]  # each of them
    return exit_code(caught, complete=all(closed))
