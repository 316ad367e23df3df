"""One session for the overlay: loads what it needs, runs, and tells what there is to tell."""

import asyncio
from typing import Any

from app.config import Settings
from app.models import translation
from app.models.registry import Registry, choose_device
from app.running import inputs
from app.running.delivery import Outputs
from app.running.job import Job, with_recording
from app.sessions.journal import session_journal
from app.sessions.name import new_session_name
from engine.stability import StabilityConfig
from engine.stability_control import AdjustableDial
from ui.control import Publish
from ui.status import Notice


class EngineSession:
    """A session in this process; `app.overlay.session_process` has the same in one of its own."""

    def __init__(self, source: str, settings: Settings, publish: Publish) -> None:
        """Load nothing yet.

        Args:
            source: what to listen to, as for `dragoman run`.
            settings: of the session.
            publish: told all news, on the event loop.
        """
        self._source = source
        self._settings = settings
        self._publish = publish
        self._dial = AdjustableDial(settings.stability)

    def turn(self, stability: StabilityConfig) -> None:
        """Be so steady from now on."""
        self._dial.turn(stability)

    async def run(self) -> None:
        """Run until the source ends; being cancelled is being stopped, in order.

        Raises:
            Exception: as of `Job.run`, and what is wrong with source or models.
        """
        self._publish(Notice(phase="starting"))
        job_input, translator = await asyncio.to_thread(self._load)
        session = new_session_name()
        with session_journal(self._settings, session, job_input.name) as journal:
            job_input = with_recording(job_input, self._settings.run, session)
            outputs = Outputs(
                feed=self._settings.feed,
                journal=journal,
                watchers=(self._publish,),
                report=self._publish,
                announce=lambda where: self._publish(Notice(phase="running", detail=where)),
            )
            job: Job[Any] = Job(session, job_input, translator, outputs, self._dial)
            self._publish(Notice(phase="running"))
            await job.run()

    def _load(self) -> tuple[Any, Any]:
        """In a thread: models, and the source."""
        run = self._settings.run
        registry = Registry(run.models)
        load_translator = translation.plan(registry, run)
        load_input = inputs.plan(
            self._source,
            self._settings,
            registry,
            on_lost=lambda why: self._publish(Notice(phase="lost", subject="device", detail=why)),
            on_found=lambda: self._publish(Notice(phase="running")),
        )
        device = choose_device(run.device)
        return load_input(device), load_translator(device)
