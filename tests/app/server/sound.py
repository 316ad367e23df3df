"""A server with fake models that takes sound, and peers that send it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection

from app.server.config import ServerConfig
from app.server.doors import OpenDoors, open_doors
from app.server.sessions import Engine
from app.server.stats import Stages
from engine.audio import AudioChunk
from engine.captions import Caption
from engine.journal import Journal
from engine.source import SourcePrefix, SourceReader
from engine.translator import Translator
from engine.workers import Workers
from tests.app.dragoman import FakeRecognizer, capitals
from tests.app.server.serving import LOOPBACK
from tests.fakes import FakeTranslator, Policy


@asynccontextmanager
async def serving_sound(
    config: ServerConfig = LOOPBACK,
    *,
    journal: Journal | None = None,
    record: bool = False,
    make_reader: Callable[[], SourceReader[AudioChunk]] = FakeRecognizer,
    translate: Policy = capitals,
    translator: Translator | None = None,
) -> AsyncIterator[OpenDoors]:
    """The whole server; "recognised" is a word for each half second that is not silent."""
    with Workers(2) as workers:
        engine = Engine(
            translator=translator or FakeTranslator(translate),
            make_reader=make_reader,
            workers=workers,
            stages=Stages(),
        )
        async with open_doors(engine, config, journal=journal, record=record) as doors:
            yield doors


def tone(seconds: float, rate_hz: int = 16_000) -> bytes:
    """Sound that is not silent, s16le."""
    samples: np.ndarray = np.sin(np.arange(round(seconds * rate_hz)) * 0.2) * 12_000
    return samples.astype("<i2").tobytes()


def silence(seconds: float, rate_hz: int = 16_000) -> bytes:
    return bytes(2 * round(seconds * rate_hz))


def pieces(sound: bytes, size: int) -> list[bytes]:
    return [sound[i : i + size] for i in range(0, len(sound), size)]


async def start(peer: ClientConnection, **options: Any) -> str:
    """Begin a stream at `/audio`; the name of its session."""
    await peer.send(json.dumps({"type": "start", **options}))
    ready = json.loads(await peer.recv())
    assert ready["type"] == "ready", ready
    return str(ready["session"])


async def to_end(peer: ClientConnection) -> list[Caption]:
    """End a stream at `/audio`; the captions up to there."""
    await peer.send('{"type":"end"}')
    captions = []
    while (message := json.loads(await peer.recv())).get("type") != "end":
        captions.append(Caption.from_dict(message))
    return captions


def finals_of(captions: list[Caption]) -> list[str]:
    return [caption.source.committed for caption in captions if caption.final]


class Endpointing(FakeRecognizer):
    """Ends a segment at the first silence, as the real one does a little later."""

    def accept(self, item: AudioChunk) -> list[SourcePrefix]:
        heard = super().accept(item)
        return heard or ([] if np.abs(item.samples).max(initial=0.0) > 0.01 else self.finish())
