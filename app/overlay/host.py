"""The engine behind the overlay: runs one session after the other, as the user commands.

Each session has a process of its own. This module lives in the thread of the job; the overlay calls
`start`, `stop` and `choose` from its own. A session that dies is started again, one whose device is
gone waits for it, and the band is told.
"""

import asyncio
import contextlib
import dataclasses
import logging
import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np

from app.config import Settings
from app.feeds.backoff import Backoff
from app.models.registry import Registry
from app.overlay.choices import ChoiceMemory, Chosen, options
from app.overlay.session_process import SessionProcess
from app.running import inputs
from app.sources.audio_system import find_audio_system
from app.sources.devices import AudioSystem
from app.sources.errors import SourceError
from app.sources.microphone import read_microphone
from engine.stability import StabilityConfig
from ui.control import Option, Publish
from ui.status import Notice

logger = logging.getLogger(__name__)

STEADY_S = 30.0
"""A session that ran so long before it died is started again without a pause to think."""
LEVEL_RANGE_DB = 60.0
"""The level meter's zero lies so far below full scale."""


class RunningSession(Protocol):
    """A session, as `SessionProcess` and `EngineSession` are."""

    async def run(self) -> None:
        """Run until the source ends; being cancelled is being stopped, in order."""
        ...

    def turn(self, stability: StabilityConfig) -> None:
        """Be so steady from now on."""
        ...


class OpenSession(Protocol):
    """Makes a session that has not begun."""

    def __call__(self, source: str, settings: Settings, publish: Publish) -> RunningSession:
        """A session with what is chosen."""
        ...


class Host:
    """Implements `ui.control.Control`; `run` is the job of the overlay."""

    def __init__(
        self,
        settings: Settings,
        chosen: Chosen,
        memory: ChoiceMemory,
        *,
        audio: AudioSystem | None = None,
        backoff: Backoff | None = None,
        open_session: OpenSession = SessionProcess,
    ) -> None:
        """Run nothing yet.

        Args:
            settings: of every session, except for what the user chooses.
            chosen: by the user, in an earlier run or on the command line.
            memory: where choices are kept.
            audio: the inputs of this computer; found out if left out.
            backoff: pauses before each attempt to start a session that died.
            open_session: makes the sessions.
        """
        self.first_start = memory.empty
        self._settings = settings
        self._chosen = chosen
        self._memory = memory
        self._audio = audio
        self._backoff = backoff or Backoff()
        self._wanted = not self.first_start
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._publish: Publish = lambda _: None
        self._open_session = open_session
        self._session: RunningSession | None = None
        self._looking = threading.Lock()
        self._meters: set[object] = set()  # those that listen

    @property
    def running(self) -> bool:
        """Whether a session runs, or is being started."""
        return self._wanted

    def start(self) -> None:
        """Start a session with what is chosen."""
        self._wanted = True
        self._wake()

    def stop(self) -> None:
        """End the session in order."""
        self._wanted = False
        self._wake()

    def options(self) -> list[Option]:
        """What can be chosen now; looks for devices that came or went."""
        with self._looking:
            if self._audio is None and not self._meters:
                with contextlib.suppress(SourceError):
                    find_audio_system().rescan()
            return options(self._chosen, Registry(self._settings.run.models), self._audio)

    def choose(self, key: str, value: str) -> None:
        """Choose; a session that runs is ended, and one with the choice is started.

        It is not for another steadiness, which the running session takes.
        """
        chosen = dataclasses.replace(self._chosen, **{key: value})
        self._memory.remember(chosen)
        if chosen == self._chosen:
            return
        self._chosen = chosen
        if key == "stability":
            self._call(self._turn)
        else:
            self._wake()

    def listen(self, source: str, level: Callable[[float], None]) -> Callable[[], None]:
        """Tell the level of a source until what is returned is called."""
        loop = self._loop
        if loop is None:
            return lambda: None
        meter = object()
        self._meters.add(meter)
        task = asyncio.run_coroutine_threadsafe(self._listen(source, level), loop)
        task.add_done_callback(lambda _: self._meters.discard(meter))

        def stop() -> None:
            task.cancel()

        return stop

    async def run(self, publish: Publish) -> None:
        """Run sessions until cancelled; the last one is ended in order."""
        self._loop = asyncio.get_running_loop()
        self._publish = publish
        self._backoff.reset()
        while True:
            self._changed.clear()
            if not self._wanted:
                publish(Notice(phase="stopped"))
                await self._changed.wait()
                continue
            began_s = self._loop.time()
            trouble = await self._session_until_changed()
            if self._loop.time() - began_s > STEADY_S or trouble is None:
                self._backoff.reset()
            if trouble is not None:
                publish(trouble)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), self._backoff.next_s())

    async def _session_until_changed(self) -> Notice | None:
        """Run a session until it ends or the user wants another; the trouble that ended it."""
        chosen = self._chosen
        settings = chosen.apply(self._settings)
        self._session = self._open_session(chosen.source, settings, self._publish)
        session = asyncio.create_task(self._session.run())
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait((session, changed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            session.cancel()
            await asyncio.wait((session,))
        error = None if session.cancelled() else session.exception()
        if error is None:
            if not session.cancelled():
                self._wanted = False  # the source has ended
            return None
        if isinstance(error, SourceError) and inputs.is_microphone(self._chosen.source):
            logger.warning("%s", error)
            return Notice(phase="lost", subject="device", detail=str(error))
        logger.error("the session failed", exc_info=error)
        return Notice(phase="failed", detail=" ".join(str(error).split()))

    async def _listen(self, source: str, level: Callable[[float], None]) -> None:
        name = source.partition(":")[2] or None
        await asyncio.to_thread(self._wait_for_look)
        try:
            async for chunk in read_microphone(name, system=self._audio):
                loudest = float(np.abs(chunk.samples).max(initial=0.0))
                decibels = 20 * np.log10(max(loudest, 1e-9))
                level(float(np.clip(1 + decibels / LEVEL_RANGE_DB, 0.0, 1.0)))
        except SourceError as error:
            logger.info("no level: %s", error)
            level(0.0)

    def _wait_for_look(self) -> None:
        """No stream may be open while devices are looked for."""
        with self._looking:
            pass

    def _turn(self) -> None:
        if self._session is not None:
            self._session.turn(self._chosen.apply(self._settings).stability)

    def _wake(self) -> None:
        self._call(self._changed.set)

    def _call(self, function: Callable[[], None]) -> None:
        """Call a function in the thread of the job, soon."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: all has ended already
                self._loop.call_soon_threadsafe(function)
