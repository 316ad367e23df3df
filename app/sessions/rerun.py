"""`dragoman sessions rerun`: a past session once more, with another translator, side by side."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.models import translation
from app.models.recognition import load_stream
from app.models.registry import Registry, choose_device
from app.sessions.sound_recording import recording_file
from app.sources.files import read_file
from engine import pipeline
from engine.captions import Caption
from engine.limits import Limits
from engine.pace import SourceClock
from engine.source import SourcePrefix

if TYPE_CHECKING:
    from app.config import Settings
    from engine.audio import AudioChunk
    from engine.journal import SessionRecord


@dataclass(frozen=True, slots=True)
class _Read:
    """A source prefix of the journal, and when it was there."""

    prefix: SourcePrefix
    at_s: float


class _AsRead:
    """Reads what was read before."""

    def accept(self, item: _Read) -> list[SourcePrefix]:
        """The prefix itself."""
        return [item.prefix]

    def finish(self) -> list[SourcePrefix]:
        """Nothing is open."""
        return []


async def rerun(
    record: "SessionRecord", before: Sequence[Caption], settings: "Settings", sound: Path | None
) -> AsyncGenerator[Caption, None]:
    """The captions of the session as the settings would have made them, computing time aside.

    Args:
        record: the session.
        before: its captions.
        settings: of the translator, and of the recogniser where there is sound.
        sound: its recording; without one, the source text is taken as it was recognised.

    Raises:
        RegistryError: there is no such model.
        CheckpointError: a model is damaged.
        SourceError: the recording cannot be read.
    """
    config = dataclasses.replace(
        settings.run, source_lang=record.source_lang, target_lang=record.target_lang
    )
    settings = dataclasses.replace(settings, run=config)
    registry = Registry(config.models)
    device = choose_device(config.device)
    translator = translation.plan(registry, config)(device)
    items: AsyncIterator[Any]
    clock: SourceClock[Any]
    if sound is None:
        items, clock = _as_read(before), SourceClock(_AsRead(), lambda item: item.at_s)
    else:
        recognizer = registry.find_recognizer(record.source_lang)
        stream = load_stream(recognizer, device, settings)
        items, clock = read_file(sound, pace="fast", step_s=0.4), SourceClock(stream, _end_s)
    captions = pipeline.run(
        items,
        clock,
        translator,
        session=record.id,
        clock=clock,
        stability=settings.stability,
        limits=Limits(conflate=False),
    )
    async with contextlib.aclosing(captions):
        async for caption in captions:
            yield caption


def rerun_all(
    record: "SessionRecord", before: Sequence[Caption], settings: "Settings", sound: Path | None
) -> list[Caption]:
    """All captions of `rerun`, outside of an event loop."""

    async def collect() -> list[Caption]:
        return [caption async for caption in rerun(record, before, settings, sound)]

    return asyncio.run(collect())


def find_sound(journal: Path, session: str) -> Path | None:
    """The recording of a session, if there is one."""
    file = recording_file(journal, session)
    return file if file.exists() else None


async def _as_read(captions: Sequence[Caption]) -> AsyncIterator[_Read]:
    for item in _prefixes(captions):
        yield item


def _prefixes(captions: Sequence[Caption]) -> Iterator[_Read]:
    for caption in captions:
        prefix = SourcePrefix(
            segment=caption.segment,
            lang=caption.source.lang,
            committed=caption.source.committed,
            tentative=caption.source.tentative,
            finished=caption.final,
            start_s=caption.start_s,
            end_s=caption.end_s,
        )
        yield _Read(prefix, caption.emitted_s)


def _end_s(chunk: "AudioChunk") -> float:
    return chunk.end_s
