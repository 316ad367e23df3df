"""A session of the overlay in a process of its own, which a test may kill."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.config import Settings
from app.feeds.backoff import Backoff
from app.overlay import session_process
from app.overlay.choices import ChoiceMemory, Chosen
from app.overlay.host import Host
from app.overlay.session_process import EngineError, SessionProcess
from app.running.config import RunConfig
from app.sources.errors import SourceError
from engine.captions import Caption
from engine.journal import Journal
from engine.stability import StabilityConfig
from tests.app.conftest import Machine
from tests.app.dragoman import SESSION
from tests.patience import TIMEOUT_S
from ui.control import Publish
from ui.status import News, Notice


class Heard:
    """What a session published."""

    def __init__(self) -> None:
        self.news: list[News] = []
        self._changed = asyncio.Event()

    def publish(self, news: News) -> None:
        self.news.append(news)
        self._changed.set()

    async def until(self, fits: Callable[[News], bool]) -> None:
        """Wait for news of a kind, and forget those before."""
        while not any(map(fits, self.news)):
            self._changed.clear()
            await self._changed.wait()
        while not fits(self.news.pop(0)):
            pass

    async def until_final(self) -> None:
        await self.until(lambda news: isinstance(news, Caption) and news.final)


@pytest.fixture(autouse=True)
def fake_models(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that are started have fake networks and a home of their own."""
    command = (sys.executable, "-m", "tests.app.dragoman", SESSION)
    monkeypatch.setattr(session_process, "COMMAND", command)
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def settings(machine: Machine) -> Settings:
    return Settings(run=RunConfig(device="cpu", models=machine.models, journal=machine.journal))


@asynccontextmanager
async def started(session: SessionProcess) -> AsyncIterator["asyncio.Task[None]"]:
    running = asyncio.create_task(session.run())
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield running
    finally:
        running.cancel()
        await asyncio.wait((running,))


def states(file: Path) -> list[str]:
    with Journal.open(file) as journal:
        return [session.state for session in journal.sessions()]


async def test_a_session_that_is_stopped_ends_in_order(
    machine: Machine, settings: Settings
) -> None:
    heard = Heard()
    source = str(machine.sound("talk.wav", [(60, 0.5)]))
    async with started(SessionProcess(source, settings, heard.publish)) as running:
        await heard.until(lambda news: isinstance(news, Caption))
        running.cancel()
        await asyncio.wait((running,))
        last = [news for news in heard.news if isinstance(news, Caption)][-1]
    assert last.final
    assert states(machine.journal) == ["ended"]


async def test_a_session_that_runs_takes_another_steadiness(
    machine: Machine, settings: Settings
) -> None:
    heard = Heard()
    session = SessionProcess(str(machine.sound("talk.wav", [(60, 0.5)])), settings, heard.publish)
    session.turn(StabilityConfig())  # before there is a process
    async with started(session):
        await heard.until(lambda news: isinstance(news, Caption) and news.erased > 0)
        session.turn(StabilityConfig(budget=0.0))
        await heard.until_final()
        await heard.until_final()
        heard.news.clear()
        await heard.until_final()
    assert sum(news.erased for news in heard.news if isinstance(news, Caption)) == 0
    assert len(states(machine.journal)) == 1


async def test_an_engine_that_is_killed_is_said_to_be(machine: Machine, settings: Settings) -> None:
    heard = Heard()
    session = SessionProcess(str(machine.sound("talk.wav", [(60, 0.5)])), settings, heard.publish)
    async with started(session) as running:
        await heard.until_final()
        assert session.process_id is not None
        os.kill(session.process_id, signal.SIGKILL)
        with pytest.raises(EngineError, match="SIGKILL"):
            await running


async def test_the_host_starts_an_engine_again_that_was_killed(
    machine: Machine, settings: Settings
) -> None:
    heard = Heard()
    memory = ChoiceMemory(machine.home / "chosen.json")
    chosen = Chosen(source=str(machine.sound("talk.wav", [(60, 0.5)])))
    memory.remember(chosen)
    made: list[SessionProcess] = []

    def opened(source: str, settings: Settings, publish: Publish) -> SessionProcess:
        made.append(SessionProcess(source, settings, publish))
        return made[-1]

    host = Host(settings, chosen, memory, backoff=Backoff(first_s=0.0), open_session=opened)
    running = asyncio.create_task(host.run(heard.publish))
    async with asyncio.timeout(TIMEOUT_S):
        await heard.until_final()
        assert made[0].process_id is not None
        os.kill(made[0].process_id, signal.SIGKILL)
        await heard.until(lambda news: isinstance(news, Notice) and news.phase == "failed")
        await heard.until_final()
    running.cancel()
    await asyncio.wait((running,))
    assert len(made) == 2


async def test_what_is_wrong_with_the_source_comes_back_as_its_error(settings: Settings) -> None:
    session = SessionProcess("nowhere.wav", settings, lambda _: None)
    with pytest.raises(SourceError, match=r"nowhere\.wav"):
        await session.run()


async def test_what_is_wrong_with_the_models_comes_back_as_one_line(
    machine: Machine, settings: Settings
) -> None:
    (machine.models / "en-de-fretna" / "config.json").unlink()
    session = SessionProcess("mic", settings, lambda _: None)
    with pytest.raises(EngineError, match="fretna"):
        await session.run()
