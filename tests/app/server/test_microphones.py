"""Microphones over MQTT, without a broker."""

import asyncio
from itertools import chain, count
from typing import Any

from app.server.microphones import Microphones
from engine.audio import AudioChunk
from engine.source import SourcePrefix
from tests.app.dragoman import FakeRecognizer
from tests.app.server.sound import serving_sound, tone
from tests.patience import TIMEOUT_S


class Client:
    """Notes what is published to a device."""

    def __init__(self) -> None:
        self.published: list[tuple[str, str]] = []

    async def publish(self, topic: str, payload: str) -> None:
        self.published.append((topic, payload))


class Broken(FakeRecognizer):
    def accept(self, item: AudioChunk) -> list[SourcePrefix]:
        raise RuntimeError("not this time")


async def test_a_device_whose_session_failed_gets_another_one_although_it_never_pauses() -> None:
    client: Any = Client()
    readers = chain((Broken(),), iter(FakeRecognizer, None))
    async with serving_sound(make_reader=lambda: next(readers)) as doors:
        hear = Microphones("home", doors.sessions, idle_timeout_s=0.05).ears().hear
        captions = doors.published.fanout.subscribe()
        async with asyncio.timeout(TIMEOUT_S):
            for number in count():
                chunk = number.to_bytes(4, "big") + tone(0.1)
                await hear(client, "home/audio/kitchen/s16le/16000", chunk)
                if len(captions):
                    break
                await asyncio.sleep(0)
    assert len(client.published) > 1
