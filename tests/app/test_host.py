"""The engine behind the overlay, with fake networks and a fake sound system."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from app import inputs
from app.backoff import Backoff
from app.choices import STABILITY, ChoiceMemory, Chosen, options
from app.config import Settings
from app.host import Host
from app.registry import Registry
from app.run_config import RunConfig
from app.sources.errors import SourceError
from app.sources.microphone import AudioDevice, Deliver
from engine.captions import Caption
from engine.journal import Journal
from tests.app import dragoman
from tests.app.conftest import Machine
from ui.status import Notice

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

    def open(self, device: AudioDevice, step_s: float, deliver: Deliver) -> "FakeAudio":
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

    def rescan(self) -> None:
        """Nothing to do: the list is always fresh."""


class Overlay:
    """What the overlay would show."""

    def __init__(self) -> None:
        self.captions: list[Caption] = []
        self.phases: list[str] = []
        self._changed = asyncio.Event()

    def publish(self, news: Caption | Notice) -> None:
        if isinstance(news, Notice):
            self.phases.append(news.phase)
        else:
            self.captions.append(news)
        self._changed.set()

    async def until(self, phase: str) -> None:
        """Wait for a notice, and forget those before it."""
        while phase not in self.phases:
            self._changed.clear()
            await self._changed.wait()
        del self.phases[: self.phases.index(phase) + 1]

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
    for name in ("app.inputs.PortAudio", "app.sources.microphone.PortAudio", "app.host.PortAudio"):
        monkeypatch.setattr(name, lambda: audio)
    return audio


@pytest.fixture
def host(machine: Machine, audio: FakeAudio, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr("app.host.load_translator", dragoman.load_translator)
    monkeypatch.setattr(inputs, "load_stream", lambda *_: dragoman.FakeRecognizer())
    run = RunConfig(device="cpu", models=machine.models, journal=machine.home / "journal.sqlite3")
    memory = ChoiceMemory(machine.home / "chosen.json")
    memory.remember(Chosen())
    return Host(Settings(run=run), Chosen(), memory, audio=None, backoff=Backoff(first_s=0.0))


@asynccontextmanager
async def running(host: Host) -> AsyncIterator[Overlay]:
    overlay = Overlay()
    task = asyncio.create_task(host.run(overlay.publish))
    try:
        async with asyncio.timeout(60):
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
        assert await asyncio.to_thread(audio.closed.wait, 30)


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
    assert [choice.value for choice in made["stability"].choices] == list(STABILITY)


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
