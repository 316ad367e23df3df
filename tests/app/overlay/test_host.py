"""The engine behind the overlay, with fake networks and a fake sound system."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.client import connect

from app.config import Settings
from app.feeds.backoff import Backoff
from app.models.registry import Registry
from app.overlay.choices import STABILITY, ChoiceMemory, Chosen, options
from app.overlay.engine_session import EngineSession
from app.overlay.host import Host
from app.running import inputs
from app.running.config import RunConfig
from app.server.config import ServerConfig
from app.sources.devices import AudioDevice, Deliver
from app.sources.errors import SourceError
from engine.captions import Caption
from engine.journal import Journal
from engine.stability import StabilityConfig
from tests.app import dragoman
from tests.app.conftest import Machine
from tests.patience import TIMEOUT_S
from ui.status import News, Notice, Report

RATE_HZ = 16_000


class FakeAudio:
    """A microphone that hears a tone for as long as a test lets it, and can be unplugged."""

    def __init__(self) -> None:
        self.plugged = True
        self.n_open = 0
        self.closed = threading.Event()
        self.deliver: Deliver = lambda _: None

    def devices(self) -> list[AudioDevice]:
        device = AudioDevice(0, "Fake", 1, RATE_HZ, is_default=True, is_loopback=False)
        monitor = AudioDevice(1, "Monitor of Fake", 1, RATE_HZ, False, is_loopback=True)
        return [device, monitor] if self.plugged else []

    def open(
        self,
        device: AudioDevice,
        step_s: float,
        deliver: Deliver,
        on_end: Callable[[], None] = lambda: None,
    ) -> "FakeAudio":
        if not self.plugged:
            raise SourceError(f"{device.name}: cannot be opened")
        self.n_open += 1
        self.deliver = deliver
        self.speak(2.5)
        return self

    def speak(self, seconds: float) -> None:
        n_samples = round(seconds * RATE_HZ)
        tone = (0.5 * np.sin(np.arange(n_samples) * 0.2)).astype(np.float32)[:, None]
        for start in range(0, n_samples, 1600):
            self.deliver(tone[start : start + 1600])

    def close(self) -> None:
        self.n_open -= 1
        self.closed.set()

    def watch(self, on_change: Callable[[], None]) -> contextlib.ExitStack:
        """It tells nobody what comes and goes."""
        return contextlib.ExitStack()

    def rescan(self) -> None:
        """Nothing to do: the list is always fresh."""


class Overlay:
    """What the overlay would show."""

    def __init__(self) -> None:
        self.captions: list[Caption] = []
        self.phases: list[str] = []
        self.reports: list[Report] = []
        self.detail = ""
        self._changed = asyncio.Event()

    def publish(self, news: News) -> None:
        match news:
            case Notice():
                self.phases.append(news.phase)
                self.detail = news.detail or self.detail
            case Report():
                self.reports.append(news)
            case Caption():
                self.captions.append(news)
        self._changed.set()

    async def until(self, phase: str) -> None:
        """Wait for a notice, and forget those before it."""
        while phase not in self.phases:
            self._changed.clear()
            await self._changed.wait()
        del self.phases[: self.phases.index(phase) + 1]

    async def until_told(self, start: str) -> str:
        """Wait for a word in the details of a notice that starts so."""
        while not (found := [word for word in self.detail.split() if word.startswith(start)]):
            self._changed.clear()
            await self._changed.wait()
        return found[0]

    async def until_report(self, fits: Callable[[Report], bool]) -> None:
        """Wait for such a report, and forget those before it."""
        while not any(map(fits, self.reports)):
            self._changed.clear()
            await self._changed.wait()
        self.reports = self.reports[-1:]

    async def until_final(self) -> Caption:
        """Wait for a final caption."""
        while not any(caption.final for caption in self.captions):
            self._changed.clear()
            await self._changed.wait()
        final = next(caption for caption in self.captions if caption.final)
        self.captions.clear()
        return final


@pytest.fixture
def audio(monkeypatch: pytest.MonkeyPatch) -> FakeAudio:
    audio = FakeAudio()
    for module in ("app.running.inputs", "app.sources.microphone", "app.overlay.host"):
        monkeypatch.setattr(f"{module}.find_audio_system", lambda: audio)
    return audio


@pytest.fixture
def settings(machine: Machine) -> Settings:
    journal = machine.home / "journal.sqlite3"
    return Settings(run=RunConfig(device="cpu", models=machine.models, journal=journal))


@pytest.fixture
def host(
    machine: Machine, settings: Settings, audio: FakeAudio, monkeypatch: pytest.MonkeyPatch
) -> Host:
    monkeypatch.setattr("app.models.translation.load_translator", dragoman.load_translator)
    monkeypatch.setattr(inputs, "load_stream", lambda *_: dragoman.FakeRecognizer())
    memory = ChoiceMemory(machine.home / "chosen.json")
    memory.remember(Chosen())
    backoff = Backoff(first_s=0.0)
    return Host(settings, Chosen(), memory, backoff=backoff, open_session=EngineSession)


@asynccontextmanager
async def running(host: Host) -> AsyncIterator[Overlay]:
    overlay = Overlay()
    task = asyncio.create_task(host.run(overlay.publish))
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield overlay
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def test_what_is_heard_is_shown_and_kept(host: Host, machine: Machine) -> None:
    async with running(host) as overlay:
        await overlay.until("starting")
        await overlay.until("running")
        final = await overlay.until_final()
    assert final.target.full == "WORD4 WORD3 WORD2 WORD1" or final.target.lang == "de"
    with Journal.open(machine.home / "journal.sqlite3") as journal:
        (session,) = journal.sessions()
        assert (session.state, session.n_finals >= 1) == ("ended", True)


async def test_stop_ends_the_session_and_start_begins_another(host: Host, audio: FakeAudio) -> None:
    async with running(host) as overlay:
        first = await overlay.until_final()
        host.stop()
        assert not host.running
        await overlay.until("stopped")
        assert audio.n_open == 0
        overlay.captions.clear()
        host.start()
        await overlay.until("running")
        assert (await overlay.until_final()).session != first.session


async def test_a_device_that_vanishes_is_waited_for(host: Host, audio: FakeAudio) -> None:
    audio.plugged = False
    async with running(host) as overlay:
        await overlay.until("lost")
        await overlay.until("lost")
        audio.plugged = True
        await overlay.until("running")
        await overlay.until_final()
        assert host.running


async def test_a_device_lost_in_mid_session_is_told_and_the_session_goes_on(
    host: Host, audio: FakeAudio
) -> None:
    async with running(host) as overlay:
        first = await overlay.until_final()
        audio.plugged = False  # and nothing is delivered any more
        await overlay.until("lost")
        audio.plugged = True
        await overlay.until("running")
        assert (await overlay.until_final()).session == first.session


async def test_a_file_that_is_missing_is_no_lost_device(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.choose("source", "nowhere.wav")
    async with running(host) as overlay:
        await overlay.until("failed")
    assert "nowhere.wav" in caplog.text


async def test_an_engine_that_dies_is_started_again(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = iter([True, False])

    def load(*_: object) -> dragoman.FakeRecognizer:
        reader = dragoman.FakeRecognizer()
        if next(broken, False):
            vars(reader)["accept"] = lambda _: 1 / 0
        return reader

    monkeypatch.setattr(inputs, "load_stream", load)
    async with running(host) as overlay:
        await overlay.until("failed")
        await overlay.until("running")
        await overlay.until_final()
    assert "ZeroDivisionError" in caplog.text


async def test_a_file_is_played_to_its_end_and_then_all_stops(host: Host, machine: Machine) -> None:
    host.choose("source", str(machine.sound("talk.wav", [(1.5, 0.5)])))
    async with running(host) as overlay:
        await overlay.until_final()
        await overlay.until("stopped")
        assert not host.running


async def test_a_choice_is_kept_and_the_session_goes_on_with_it(
    host: Host, machine: Machine
) -> None:
    async with running(host) as overlay:
        await overlay.until_final()
        host.choose("translator", "reta")
        await overlay.until("starting")
        await overlay.until("running")
    kept = ChoiceMemory(machine.home / "chosen.json").recall(Chosen())
    assert kept == Chosen(translator="reta")


async def test_another_steadiness_is_taken_by_the_session_that_runs(
    host: Host, audio: FakeAudio, machine: Machine
) -> None:
    async with running(host) as overlay:
        first = await overlay.until_final()
        overlay.phases.clear()
        host.choose("stability", "budget:0")
        audio.speak(5.0)
        later = await overlay.until_final()
        assert later.session == first.session
        assert "starting" not in overlay.phases
    kept = ChoiceMemory(machine.home / "chosen.json").recall(Chosen())
    assert kept == Chosen(stability="budget:0")


@pytest.mark.usefixtures("host")
async def test_where_the_feed_is_and_how_many_view_it_is_told(
    settings: Settings, machine: Machine
) -> None:
    memory = ChoiceMemory(machine.home / "chosen.json")
    served = replace(settings, feed=ServerConfig(address="localhost:0"))
    host = Host(served, Chosen(), memory, open_session=EngineSession)
    async with running(host) as overlay:
        async with connect(await overlay.until_told("ws://")):
            await overlay.until_report(lambda report: report.viewers == 1)
        await overlay.until_report(lambda report: report.viewers == 0)


async def test_the_level_of_a_source_is_told_until_it_is_stopped(
    host: Host, audio: FakeAudio
) -> None:
    host.stop()
    async with running(host) as overlay:
        await overlay.until("stopped")
        levels: asyncio.Queue[float] = asyncio.Queue()
        stop = host.listen("mic", levels.put_nowait)
        assert 0.8 < await levels.get() < 1.0
        stop()
        assert await asyncio.to_thread(audio.closed.wait, TIMEOUT_S)


async def test_before_the_first_choice_nothing_is_listened_to(
    machine: Machine, audio: FakeAudio
) -> None:
    memory = ChoiceMemory(machine.home / "new" / "chosen.json")
    host = Host(Settings(), Chosen(), memory)
    assert host.first_start
    async with running(host) as overlay:
        await overlay.until("stopped")
        assert audio.n_open == 0


def test_options_are_what_devices_and_models_there_are(machine: Machine, audio: FakeAudio) -> None:
    made = {option.key: option for option in options(Chosen(), Registry(machine.models), audio)}
    assert [choice.value for choice in made["source"].choices] == [
        "mic",
        "mic:Fake",
        "mic:Monitor of Fake",
    ]
    assert [choice.loopback for choice in made["source"].choices] == [False, False, True]
    assert [choice.label for choice in made["languages"].choices] == ["en → de"]
    assert [choice.value for choice in made["translator"].choices] == ["fretna", "reta", "wait-k"]
    steadiness = [choice.value for choice in made["stability"].choices]
    assert steadiness == [*STABILITY, "budget:0"]


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("steady", STABILITY["steady"]),
        ("budget:0.15", StabilityConfig(budget=0.15)),
        ("delay:2.5", StabilityConfig(delay_s=2.5)),
    ],
)
def test_a_steadiness_is_a_step_a_budget_or_a_delay(name: str, rules: StabilityConfig) -> None:
    assert Chosen(stability=name).apply(Settings()).stability == rules
    assert options_of_steadiness(name)[-1] == name or name in STABILITY


def options_of_steadiness(chosen: str) -> list[str]:
    made = options(Chosen(stability=chosen), Registry(None), FakeAudio())
    (steadiness,) = (option for option in made if option.key == "stability")
    return [choice.value for choice in steadiness.choices]


@pytest.mark.parametrize("name", ["restless", "budget:3", "budget:", "speed:1"])
def test_a_remembered_steadiness_that_is_none_is_forgotten(tmp_path: Path, name: str) -> None:
    memory = ChoiceMemory(tmp_path / "chosen.json")
    memory.remember(Chosen(stability=name))
    assert memory.recall(Chosen(stability="steady")).stability == "steady"


def test_a_chosen_device_that_is_not_there_stays_in_the_list(
    machine: Machine, audio: FakeAudio
) -> None:
    audio.plugged = False
    chosen = Chosen(source="mic:Headset")
    source = options(chosen, Registry(machine.models), audio)[0]
    assert [choice.value for choice in source.choices] == ["mic:Headset"]


def test_what_is_given_on_the_command_line_goes_before_what_was_chosen() -> None:
    kept = Chosen(source="mic:A", languages="de-en", translator="reta", stability="steady")
    settings = Settings(run=RunConfig(source_lang="en", target_lang="de", translator="wait-k"))
    assert kept.override(settings, None, ()) == kept
    overridden = kept.override(settings, "mic:B", ("source_lang", "translator"))
    assert overridden == Chosen("mic:B", "en-de", "wait-k", "steady")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"source": 3, "other": "x"}'])
def test_a_broken_memory_is_replaced(tmp_path: Path, text: str) -> None:
    file = tmp_path / "chosen.json"
    file.write_text(text)
    memory = ChoiceMemory(file)
    assert memory.recall(Chosen(source="mic:A")) == Chosen(source="mic:A")
    memory.remember(Chosen(source="mic:B"))
    assert memory.recall(Chosen()) == Chosen(source="mic:B")
