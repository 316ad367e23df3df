"""Streams of sound: many sessions on one loaded model and the same few threads."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import numpy as np

from app.server.captions import Published
from app.server.metered import MeteredReader, MeteredTranslator
from app.server.queue import SoundQueue
from app.server.stats import ServerStats, Stages
from app.sessions.name import new_session_name
from app.sessions.sound_recording import recorded, recording_file
from engine import pipeline
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, Samples
from engine.fanout import Fanout
from engine.journal import Journal, JournalError
from engine.limits import Limits
from engine.source import SourceReader
from engine.stability import StabilityConfig
from engine.translator import Translator
from engine.workers import Workers

logger = logging.getLogger(__name__)

LIVE_QUEUE_S = 30.0
"""Sound of a live stream that may wait for the recogniser; beyond it the oldest is left out."""
LOSSLESS_QUEUE_S = 120.0
"""Sound of a stream that may be sent faster than real time; beyond half of it the peer waits."""
SILENCE_S = 1.0
FILLED_S = 2.0
"""Of silence: enough for the voice detector and the recogniser to end a sentence."""


class SessionRefusedError(RuntimeError):
    """A stream cannot be begun.

    Attributes:
        full: because there are as many as are allowed, not because of what was asked for.
    """

    def __init__(self, reason: str, *, full: bool = False) -> None:
        """Say why, in words for the peer."""
        super().__init__(reason)
        self.full = full


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The loaded models, and the threads in which they run."""

    translator: Translator
    make_reader: Callable[[], SourceReader[AudioChunk]]
    """A recogniser for a new stream; called in the worker."""
    workers: Workers
    stages: Stages
    """Where their time goes."""
    stability: StabilityConfig | None = None


class SoundSession:
    """One stream from its first sample to its last caption.

    A peer that sends nothing while nobody speaks (a muted participant, a microphone behind a gate)
    would leave the last sentence open. A live stream that falls silent is therefore continued with
    up to `FILLED_S` of silence; after that session time stands still until there is sound again.
    Shorter pauses without sound take no session time either, once they are as long as `SILENCE_S`
    together: otherwise every sentence would seem later than the one before.
    """

    def __init__(self, name: str, *, lossless: bool) -> None:
        """See `Sessions.begin`."""
        self.name = name
        self.sound = SoundQueue(LOSSLESS_QUEUE_S if lossless else LIVE_QUEUE_S)
        self.captions = Fanout()
        """Those of this session; closed behind the last one."""
        self.error: Exception | None = None
        self._live = not lossless
        self._read_s = 0.0
        self._told_s = 0.0  # session time as it was told last
        self._began = time.monotonic()
        self._read_on = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._silence: asyncio.TimerHandle | None = None
        self._filled_s = 0.0

    def clock(self) -> float:
        """Session time: that of the wall, or of a stream that is sent faster than real time.

        It never goes back.
        """
        self._told_s = max(time.monotonic() - self._began, self._read_s, self._told_s)
        return self._told_s

    def put(self, samples: Samples) -> None:
        """Add sound; a piece without samples is none."""
        if not len(samples):
            return
        arrived, end_s = time.monotonic(), self.sound.end_s
        paused = self._live and arrived - self._began - end_s > SILENCE_S
        if not end_s or self._filled_s >= FILLED_S or paused:
            self._began = arrived - end_s
        self._filled_s = 0.0
        self.sound.put(samples)
        self._expect_sound()

    def finish(self) -> None:
        """No more sound."""
        self._stop_waiting()
        self.sound.close()

    def _expect_sound(self) -> None:
        self._stop_waiting()
        if self._live:
            self._silence = self._loop.call_later(SILENCE_S, self._fill)

    def _stop_waiting(self) -> None:
        if self._silence is not None:
            self._silence.cancel()

    def _fill(self) -> None:
        self.sound.put(np.zeros(round(SILENCE_S * SAMPLE_RATE_HZ), np.float32))
        self._filled_s += SILENCE_S
        if self._filled_s < FILLED_S:
            self._expect_sound()

    async def settled(self) -> None:
        """Wait until the recogniser has read all sound so far, or the session has ended."""
        end_s = self.sound.end_s - 0.5 / SAMPLE_RATE_HZ  # sums of times are not exact
        while self._read_s < end_s and not self.captions.closed:
            self.sound.flush()
            self._read_on.clear()
            await self._read_on.wait()

    def note_read(self, end_s: float) -> None:
        """The recogniser has read up to here; called in the worker."""
        self._read_s = end_s
        self._loop.call_soon_threadsafe(self._read_on.set)

    def end(self) -> None:
        """Every caption was made."""
        self.captions.close()
        self._read_on.set()


class Sessions:
    """All streams of a server, up to a limit."""

    def __init__(
        self,
        engine: Engine,
        published: Published,
        stats: ServerStats,
        *,
        max_sessions: int,
        journal: Journal | None = None,
        record: bool = False,
    ) -> None:
        """Start without streams; `record` keeps their sound beside the journal."""
        self._record = record
        self.engine = engine
        self._published = published
        self._stats = stats
        self._max_sessions = max_sessions
        self._journal = journal
        self._open: dict[asyncio.Task[None], SoundSession] = {}
        self._ending = False

    @property
    def full(self) -> bool:
        """Whether the next stream is refused."""
        return self._ending or len(self._open) >= self._max_sessions

    async def finish(self) -> None:
        """Take no new stream, and finish those that run: their last captions are made."""
        self._ending = True
        for session in self._open.values():
            session.finish()
        if self._open:
            await asyncio.wait(self._open)

    def begin(
        self,
        origin: str,
        *,
        source_lang: str | None = None,
        target_lang: str | None = None,
        lossless: bool = False,
    ) -> SoundSession:
        """A new stream.

        Args:
            origin: who sends it, in words for people.
            source_lang: language spoken, None for that of the models.
            target_lang: language of the captions, None for that of the models.
            lossless: see `app.protocols.peer.SoundProtocol`.

        Raises:
            SessionRefusedError: there are too many streams, or no models for the languages.
        """
        if self.full:
            raise SessionRefusedError(
                f"this server takes {self._max_sessions} streams at once", full=True
            )
        pair = (self.engine.translator.source_lang, self.engine.translator.target_lang)
        if (source_lang or pair[0], target_lang or pair[1]) != pair:
            raise SessionRefusedError(f"the languages here are {pair[0]} to {pair[1]}")
        session = SoundSession(new_session_name(), lossless=lossless)
        self._stats.sessions += 1
        self._stats.sessions_total += 1
        task = asyncio.create_task(self._run(session, origin), name=f"session {session.name}")
        self._open[task] = session
        task.add_done_callback(self._forget)
        return session

    async def _run(self, session: SoundSession, origin: str) -> None:
        engine = self.engine
        self._published.begin(session.name)
        logger.info("session %s: sound from %s", session.name, origin)
        try:
            loop, lane = asyncio.get_running_loop(), engine.workers.lane()
            reader = await loop.run_in_executor(lane, self._prepare, session.name, origin)
            async for caption in pipeline.run(
                self._sound(session),
                MeteredReader(reader, engine.stages.recognise, session.note_read),
                MeteredTranslator(engine.translator, engine.stages.translate),
                session=session.name,
                clock=session.clock,
                stability=engine.stability,
                journal=self._journal,
                limits=Limits(items=1),
                worker=lane,
            ):
                self._published.publish(caption)
                session.captions.publish(caption)
        except Exception as error:
            logger.exception("session %s failed", session.name)
            session.error = error
        finally:
            session.finish()
            session.end()
            self._published.end(session.name)

    def _sound(self, session: SoundSession) -> AsyncIterator[AudioChunk]:
        if self._journal is None or not self._record:
            return session.sound
        return recorded(session.sound, recording_file(self._journal.path, session.name))

    def _prepare(self, session: str, origin: str) -> SourceReader[AudioChunk]:
        """In the worker: what takes too long for the event loop."""
        if self._journal is not None:
            try:
                self._journal.begin_session(
                    session,
                    source_lang=self.engine.translator.source_lang,
                    target_lang=self.engine.translator.target_lang,
                    source=f"sound from {origin}",
                )
            except JournalError as error:
                logger.error("%s; the session goes on", error)
        return self.engine.make_reader()

    def _forget(self, task: asyncio.Task[None]) -> None:
        session = self._open.pop(task)
        self._stats.sessions -= 1
        self._stats.heard_s += session.sound.end_s - session.sound.dropped_s
        self._stats.dropped_s += session.sound.dropped_s
