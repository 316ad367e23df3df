"""What is heard of a device that comes, goes and comes back; the devices are fakes."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from app.sources.devices import AudioDevice, Closable, Deliver, find_device, is_loopback
from app.sources.errors import SourceError
from app.sources.microphone import read_microphone
from app.sources.timer import Timer
from engine.audio import SAMPLE_RATE_HZ, AudioChunk
from tests.app.sources.test_sources import TONE_HZ, FakeTime, loudest_hz, tone

BLOCK = np.ones((1600, 1), np.float32)


def device(index: int, name: str, **changes: Any) -> AudioDevice:
    facts: dict[str, Any] = {
        "index": index,
        "name": name,
        "n_channels": 2,
        "rate_hz": 48_000,
        "is_default": False,
        "is_loopback": is_loopback(name),
    }
    return AudioDevice(**(facts | changes))


DEVICES = [
    device(0, "Webcam"),
    device(3, "Built-in Microphone", is_default=True),
    device(5, "Monitor of Built-in Audio"),
]
FAKE = device(0, "Fake", rate_hz=SAMPLE_RATE_HZ, server_number=1)
ANOTHER = device(1, "Another", server_number=2)


@dataclass(eq=False)
class FakeStream:
    """An open device, as a test sees it."""

    device: AudioDevice
    deliver: Deliver
    end: Callable[[], None]
    closed: bool = False

    def close(self) -> None:
        self.closed = True


class FakeSystem:
    """Devices that a test plugs in and out; each delivers some blocks when it is opened."""

    def __init__(
        self, blocks: list[np.ndarray], devices: tuple[AudioDevice, ...] = (FAKE,)
    ) -> None:
        self.streams: list[FakeStream] = []
        self.n_looks = 0
        self.on_look: Callable[[int], None] = lambda n: None
        self._blocks = blocks
        self._devices = devices
        self._watchers: list[Callable[[], None]] = []

    def plug(self, *devices: AudioDevice, told: bool = False) -> None:
        """These are there from now on, and nothing else."""
        self._devices = devices
        if told:
            for watcher in list(self._watchers):
                watcher()

    def devices(self) -> list[AudioDevice]:
        return list(self._devices)

    def open(
        self,
        device: AudioDevice,
        step_s: float,
        deliver: Deliver,
        on_end: Callable[[], None] = lambda: None,
    ) -> FakeStream:
        self.streams.append(FakeStream(device, deliver, on_end))
        for block in self._blocks:
            deliver(block)
        return self.streams[-1]

    def watch(self, on_change: Callable[[], None]) -> Closable:
        self._watchers.append(on_change)
        watch = contextlib.ExitStack()
        watch.callback(self._watchers.remove, on_change)
        return watch

    def rescan(self) -> None:
        assert all(stream.closed for stream in self.streams), "while a device is open"
        self.n_looks += 1
        self.on_look(self.n_looks)

    @property
    def idle(self) -> bool:
        """Whether nothing is open any more."""
        return not self._watchers and all(stream.closed for stream in self.streams)


class Listener:
    """Reads a microphone on a clock of its own."""

    def __init__(
        self,
        system: FakeSystem,
        wanted: str | None = None,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        **options: Any,
    ) -> None:
        self.time = FakeTime()
        self.told: list[str] = []
        timer = Timer(now=lambda: self.time.now_s, sleep=sleep or self.time.sleep)
        self.chunks: AsyncIterator[AudioChunk] = read_microphone(
            wanted,
            system=system,
            timer=timer,
            on_lost=lambda reason: self.told.append("lost"),
            on_found=lambda: self.told.append("found"),
            **options,
        )

    async def until_sound(self) -> list[AudioChunk]:
        """The chunks up to the next one that is not silent."""
        chunks = [await anext(self.chunks)]
        while not chunks[-1].samples.any():
            chunks.append(await anext(self.chunks))
        return chunks

    async def close(self) -> None:
        assert isinstance(self.chunks, AsyncGenerator)
        await self.chunks.aclose()


def test_the_default_device_is_taken_and_others_are_found_by_name_or_number() -> None:
    assert find_device(None, DEVICES).index == 3
    assert find_device("monitor", DEVICES).is_loopback
    assert find_device(0, DEVICES).name == "Webcam"
    assert find_device("5", DEVICES).index == 5


def test_the_whole_name_goes_before_a_part_of_another_one() -> None:
    longer, exact = device(0, "headset.monitor"), device(1, "headset")
    assert find_device("headset", [longer, exact]) == exact


def test_an_unknown_device_is_answered_with_those_there_are() -> None:
    with pytest.raises(SourceError, match="0: Webcam; 3: Built-in"):
        find_device("headset", DEVICES)
    with pytest.raises(SourceError, match="no microphone found"):
        find_device(None, [])


async def test_stereo_blocks_of_another_rate_become_chunks() -> None:
    stereo = np.repeat(tone(1.0, 48_000)[:, None], 2, axis=1)
    blocks = [stereo[i : i + 4800] for i in range(0, 48_000, 4800)]
    system = FakeSystem(blocks, (replace(FAKE, rate_hz=48_000),))
    listener = Listener(system)
    chunks = [await anext(listener.chunks) for _ in blocks]
    await listener.close()
    samples = np.concatenate([chunk.samples for chunk in chunks])
    assert loudest_hz(samples[2000:10_000]) == pytest.approx(TONE_HZ, abs=3)
    assert all(a.end_s == pytest.approx(b.start_s) for a, b in pairwise(chunks))
    assert system.idle


@pytest.mark.parametrize("says_so", [True, False])
async def test_a_device_that_is_plugged_in_again_goes_on_where_the_clock_is(
    caplog: pytest.LogCaptureFixture, says_so: bool
) -> None:
    system = FakeSystem([BLOCK])
    listener = Listener(system, "fake", silent_device_s=60.0 if says_so else 0.05)
    chunks = await listener.until_sound()
    system.plug(ANOTHER)
    system.on_look = lambda n: (
        system.plug(ANOTHER, replace(FAKE, server_number=3)) if n == 4 else None
    )
    if says_so:
        system.streams[0].end()
    chunks += await listener.until_sound()
    gone_s = listener.time.now_s - 100.0
    assert gone_s > 1.0
    assert chunks[-1].end_s == pytest.approx(chunks[0].end_s + gone_s)
    assert all(a.end_s == pytest.approx(b.start_s) for a, b in pairwise(chunks))
    assert listener.told == ["lost", "found"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no longer delivers sound" in caplog.text
    await listener.close()
    assert len(system.streams) == 2
    assert system.idle


async def test_a_resampler_that_holds_sound_back_gives_it_when_the_device_goes() -> None:
    system = FakeSystem([tone(0.1, 44_100)[:, None]], (replace(FAKE, rate_hz=44_100),))
    listener = Listener(system)
    chunks = []
    for _ in range(5):
        chunks += await listener.until_sound()
        system.streams[-1].end()
        chunks += await listener.until_sound()
    heard = sum(len(chunk.samples) for chunk in chunks if chunk.samples.any())
    assert heard == pytest.approx(5 * 1600, abs=5)
    await listener.close()


async def test_what_arrived_before_the_device_went_is_heard() -> None:
    system = FakeSystem([BLOCK] * 3)
    listener = Listener(system)
    await listener.until_sound()
    system.streams[0].end()
    chunks = [chunk for _ in range(2) for chunk in await listener.until_sound()]
    assert [len(chunk.samples) for chunk in chunks] == [1600, 1600]
    await listener.close()


async def test_another_device_is_not_heard_in_the_place_of_the_one_asked_for() -> None:
    """Sound servers let a stream go on with another source when its own is unplugged."""
    system = FakeSystem([BLOCK], (FAKE, ANOTHER))
    listener = Listener(system, "fake")
    await listener.until_sound()
    system.plug(ANOTHER, told=True)
    while not system.streams[0].closed:
        assert not (await anext(listener.chunks)).samples.any()
    system.plug(ANOTHER, FAKE, told=True)
    await listener.until_sound()
    assert [stream.device.name for stream in system.streams] == ["Fake", "Fake"]
    await listener.close()


async def test_a_device_that_was_away_for_a_moment_is_opened_again() -> None:
    system = FakeSystem([BLOCK])
    listener = Listener(system, "fake")
    await listener.until_sound()
    system.plug(replace(FAKE, server_number=3), told=True)
    await listener.until_sound()
    assert [stream.device.server_number for stream in system.streams] == [1, 3]
    await listener.close()


async def test_a_device_whose_return_is_told_is_not_waited_for() -> None:
    sleeping = asyncio.Event()

    async def sleep_for_ever(seconds: float) -> None:
        sleeping.set()
        await asyncio.Event().wait()

    system = FakeSystem([BLOCK])
    listener = Listener(system, sleep=sleep_for_ever)
    await listener.until_sound()
    system.plug()
    system.streams[0].end()
    going_on = asyncio.ensure_future(listener.until_sound())
    await sleeping.wait()
    system.plug(FAKE, told=True)
    assert (await going_on)[-1].samples.any()
    await listener.close()


async def test_a_device_that_can_be_opened_but_gives_nothing_is_not_tried_without_a_pause() -> None:
    system = FakeSystem([BLOCK])
    listener = Listener(system)
    await listener.until_sound()
    system._blocks = []
    system.on_look = lambda n: system._blocks.extend([BLOCK] * (n == 5))
    opening = system.open

    def open_and_end(*arguments: Any) -> FakeStream:
        stream = opening(*arguments)
        if not system._blocks:
            stream.end()
        return stream

    vars(system)["open"] = open_and_end
    system.streams[0].end()
    await listener.until_sound()
    assert listener.time.now_s - 100.0 > 4 * 0.5
    assert listener.told == ["lost", "found"]
    await listener.close()


async def test_a_listener_that_leaves_while_the_device_is_gone_leaves_nothing_open() -> None:
    system = FakeSystem([BLOCK])
    listener = Listener(system)
    await listener.until_sound()
    system.plug()
    system.streams[0].end()
    await anext(listener.chunks)
    await listener.close()
    assert system.idle


async def test_a_slow_consumer_loses_the_oldest_sound_and_sees_the_gap(
    caplog: pytest.LogCaptureFixture,
) -> None:
    blocks = [np.full((1600, 1), i / 200, np.float32) for i in range(120)]
    listener = Listener(FakeSystem(blocks))
    first = await anext(listener.chunks)
    assert first.start_s == pytest.approx(2.0)
    assert first.samples[0] == pytest.approx(0.1)
    await listener.close()
    assert len(caplog.records) == 1
