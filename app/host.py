"""The engine behind the overlay: runs one session after the other, as the user commands.

Lives in the thread of the job; the overlay calls `start`, `stop` and `choose` from its own. A
session that dies is started again, one whose device is gone waits for it, and the band is told.
"""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from app import inputs
from app.backoff import Backoff
from app.choices import ChoiceMemory, Chosen, options
from app.config import Settings
from app.job import Job, Outputs
from app.registry import Registry, choose_device, load_translator
from app.run import session_journal
from app.session_name import new_session_name
from app.sources.devices import AudioSystem, PortAudio
from app.sources.errors import SourceError
from app.sources.microphone import read_microphone
from ui.control import Option, Publish
from ui.status import Notice

logger = logging.getLogger(__name__)

STEADY_S = 30.0
"""A session that ran so long before it died is started again without a pause to think."""
LEVEL_RANGE_DB = 60.0
"""The level meter's zero lies so far below full scale."""


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
    ) -> None:
        """Run nothing yet.

        Args:
            settings: of every session, except for what the user chooses.
            chosen: by the user, in an earlier run or on the command line.
            memory: where choices are kept.
            audio: the inputs of this computer; PortAudio's if left out.
            backoff: pauses before each attempt to start a session that died.
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
        self._device_lost = False

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
        """What can be chosen now."""
        return options(self._chosen, Registry(self._settings.run.models), self._audio)

    def choose(self, key: str, value: str) -> None:
        """Choose; a session that runs is ended, and one with the choice is started."""
        chosen = dataclasses.replace(self._chosen, **{key: value})
        self._memory.remember(chosen)
        if chosen != self._chosen:
            self._chosen = chosen
            self._wake()

    def listen(self, source: str, level: Callable[[float], None]) -> Callable[[], None]:
        """Tell the level of a source until what is returned is called."""
        loop = self._loop
        if loop is None:
            return lambda: None
        task = asyncio.run_coroutine_threadsafe(self._listen(source, level), loop)

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
        session = asyncio.create_task(self._session(self._chosen))
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
            self._device_lost = True
            return Notice(phase="lost", subject="device", detail=str(error))
        logger.error("the session failed", exc_info=error)
        return Notice(phase="failed", detail=" ".join(str(error).split()))

    async def _session(self, chosen: Chosen) -> None:
        self._publish(Notice(phase="starting"))
        settings = chosen.apply(self._settings)
        job_input, translator = await asyncio.to_thread(self._load, chosen.source, settings)
        session = new_session_name()
        with session_journal(settings.run, session, job_input.name) as journal:
            outputs = Outputs(feed=settings.feed, journal=journal, watchers=(self._publish,))
            job: Job[Any] = Job(session, job_input, translator, outputs, settings.stability)
            self._publish(Notice(phase="running"))
            await job.run()

    def _load(self, source: str, settings: Settings) -> tuple[Any, Any]:
        registry = Registry(settings.run.models)
        run = settings.run
        model = registry.find_translator(run.translator, run.source_lang, run.target_lang)
        if self._device_lost and self._audio is None:
            PortAudio().rescan()
        self._device_lost = False
        load_input = inputs.plan(
            source,
            settings,
            registry,
            on_lost=lambda why: self._publish(Notice(phase="lost", subject="device", detail=why)),
            on_found=lambda: self._publish(Notice(phase="running")),
        )
        device = choose_device(run.device)
        return load_input(device), load_translator(model, device=device, policy=run)

    async def _listen(self, source: str, level: Callable[[float], None]) -> None:
        name = source.partition(":")[2] or None
        try:
            async for chunk in read_microphone(name, system=self._audio):
                loudest = float(np.abs(chunk.samples).max(initial=0.0))
                decibels = 20 * np.log10(max(loudest, 1e-9))
                level(float(np.clip(1 + decibels / LEVEL_RANGE_DB, 0.0, 1.0)))
        except SourceError as error:
            logger.info("no level: %s", error)
            level(0.0)

    def _wake(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: all has ended already
                self._loop.call_soon_threadsafe(self._changed.set)
