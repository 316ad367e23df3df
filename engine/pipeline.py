"""The pipeline: moves data and owns the tasks of one live session.

    source → items (bounded) → reader → prefixes (conflated) → session → captions (bounded) → you

The reader (recogniser or live text), the translator and the journal run in one worker thread,
never on the event loop; a caption is in the journal before it is yielded.

When something is too slow:

* you: the captions queue fills and translation waits; no caption is left out (for many consumers
  of different speeds put an `engine.fanout.Fanout` behind);
* the translator: a source prefix that waits is replaced by a newer one of its segment; finished
  prefixes are kept, and when `Limits.prefixes` wait, reading waits too;
* both together: `engine.load` lengthens the steps of the recogniser, then leaves out all prefixes
  but the finished ones, until the lag is small again;
* the reader: items wait; beyond `Limits.items` the source waits (a file), or with
  `Limits.drop_items` (a microphone cannot wait) the oldest item is dropped and counted.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Generic, ParamSpec, Protocol, TypeVar, runtime_checkable

from engine.captions import Caption
from engine.channel import Channel, PrefixChannel
from engine.journal import Journal, JournalError
from engine.live_metrics import LiveMeter
from engine.load import LoadControl, LoadState
from engine.recording import Recorder
from engine.session import Session
from engine.source import SourcePrefix
from engine.stability import StabilityConfig
from engine.stability_control import Dial
from engine.translator import Translator

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
R = TypeVar("R")
P = ParamSpec("P")

_logger = logging.getLogger(__name__)


class SourceReader(Protocol[T_contra]):
    """Makes source prefixes of a stream: the recogniser of audio chunks, live text of characters.

    Its calls come one at a time, from the worker thread.
    """

    def accept(self, item: T_contra) -> list[SourcePrefix]:
        """Read the next item; the prefixes that changed, in order."""
        ...

    def finish(self) -> list[SourcePrefix]:
        """The stream has ended: finish the open segment."""
        ...


@runtime_checkable
class StretchableReader(Protocol):
    """A reader that can work less often; the pipeline asks it to when the machine is too slow."""

    def stretch(self, factor: int) -> None:
        """Make every step from the next one on `factor` times as long as it was set."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Lengths of the queues, and what happens when one is full."""

    items: int | None = None
    """Items waiting for the reader; left out, 16, or 300 where items beyond them are dropped.
    Those that wait are still read after a stop."""
    drop_items: bool = False
    """Drop the oldest item beyond the limit instead of letting the source wait."""
    prefixes: int = 64
    """Source prefixes waiting for the translator."""
    conflate: bool = True
    """Replace stale prefixes. Without, every prefix is translated before the next item is read:
    slower, and the same captions in every run."""
    captions: int = 64
    """Captions waiting for the consumer."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for key in ("items", "prefixes", "captions"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise ValueError(f"limit {key} = {value} is not 1 or more")


@dataclass(slots=True, kw_only=True)
class PipelineStats:
    """Figures for display; the pipeline updates them while it runs."""

    n_items: int = 0
    """Items that the source gave."""
    n_dropped: int = 0
    """Items dropped because the reader was too slow."""
    n_conflated: int = 0
    """Source prefixes replaced by newer ones because the translator was too slow."""
    n_captions: int = 0
    n_finals: int = 0
    items_waiting: int = 0
    prefixes_waiting: int = 0
    captions_waiting: int = 0
    behind_s: float = 0.0
    """Session time between the end of the source of the newest caption and its emission."""
    normalized_erasure: float = 0.0
    """Words of the target taken back for each one committed, in the whole session."""
    delay_s: float | None = None
    """Seconds from a word being said to its translation standing as it stays, over the last
    segments; None before the first final."""
    load: LoadState | None = None
    """Whether the machine keeps up; None where the source waits for it."""
    real_time_factor: float | None = None
    """Seconds of work for a second of source, lately; None while it is not known."""
    lag_s: float = 0.0
    """Session time between the end of the newest item and the moment when it had been read."""
    n_withheld: int = 0
    """Unfinished prefixes that were not translated because the machine was too slow."""
    journal_failing: bool = False


async def run(
    source: AsyncIterable[T],
    reader: SourceReader[T],
    translator: Translator,
    *,
    session: str,
    clock: Callable[[], float],
    stability: StabilityConfig | Dial | None = None,
    journal: Journal | None = None,
    on_journal_error: Callable[[JournalError], None] | None = None,
    limits: Limits | None = None,
    stats: PipelineStats | None = None,
    stop: asyncio.Event | None = None,
    worker: Executor | None = None,
    end_s: Callable[[T], float] | None = None,
) -> AsyncGenerator[Caption, None]:
    """Turn a live source into captions.

    It ends when the source ends or `stop` is set: what the source gave is read to the end, the
    last segment is made final and every caption is yielded. When the consumer closes the
    generator or is cancelled, what was not read is dropped, the last segment is made final and
    journaled; a second cancellation leaves at once.

    Args:
        source: audio chunks or typed text; closed at the end if it can be.
        reader: makes source prefixes of what the source gives.
        translator: the policy, for this language pair.
        session: an id of this session, unique in the journal.
        clock: session time in seconds, called from several threads; see
            `engine.pace.SourceClock` for a source that is faster than real time.
        stability: when target words are shown and committed; an `AdjustableDial` may be turned
            while the session runs.
        journal: where captions are kept; the session is begun there unless it was, and ended.
        on_journal_error: is told once, on the event loop, when the journal cannot be written;
            the stream goes on. The log is told if left out.
        limits: of the queues.
        stats: figures to be kept up to date.
        stop: ends the session in order.
        worker: an executor of one thread to share with other sessions.
        end_s: the session time at the end of an item; the time of its arrival if left out.

    Yields:
        The captions of the session, without holes.

    Raises:
        Exception: the first error of the source, the reader or the translator, as it was. What
            the source gave before it is worked off, and the last segment is made final, as long
            as the translator works; the error comes after those captions.
    """
    pipeline = _Pipeline(
        source,
        reader,
        Session(translator, session=session, stability=stability),
        clock,
        limits or Limits(),
        stats or PipelineStats(),
        worker,
        end_s,
    )
    if journal is not None:
        pipeline.record(journal, session, translator, on_journal_error)
    driver = asyncio.create_task(pipeline.drive(stop), name=f"pipeline {session}")
    try:
        async for caption in pipeline.captions:
            yield caption
    finally:
        abandoned = not pipeline.captions.closed
        if abandoned:
            pipeline.abandon()
        try:
            await asyncio.wait({driver})
        except asyncio.CancelledError:
            driver.cancel()
            raise
        if abandoned and pipeline.error is not None:
            _logger.error("session %s failed at its end", session, exc_info=pipeline.error)
    if pipeline.error is not None:
        raise pipeline.error


class _Pipeline(Generic[T]):
    """The tasks of one session and the queues between them."""

    def __init__(
        self,
        source: AsyncIterable[T],
        reader: SourceReader[T],
        session: Session,
        clock: Callable[[], float],
        limits: Limits,
        stats: PipelineStats,
        worker: Executor | None,
        end_s: Callable[[T], float] | None,
    ) -> None:
        self.captions = Channel[Caption](limits.captions)
        self.error: BaseException | None = None
        self._source = source
        self._reader = reader
        self._session = session
        self._clock = clock
        self._end_of = end_s or (lambda _: clock())
        self._lockstep = not limits.conflate
        self._load = LoadControl()
        self._meter = LiveMeter()
        self._stats = stats
        n_items = limits.items or (300 if limits.drop_items else 16)
        self._items = Channel[tuple[T, float]](n_items, drop_oldest=limits.drop_items)
        self._prefixes = PrefixChannel(limits.prefixes, conflate=limits.conflate)
        self._made: deque[Caption] = deque()  # journaled, not yet queued
        self._recorder: Recorder | None = None
        self._pulling: asyncio.Task[None] | None = None
        self._own_worker = worker is None
        self._worker = worker or ThreadPoolExecutor(1, thread_name_prefix="inference")

    def record(
        self,
        journal: Journal,
        session: str,
        translator: Translator,
        on_error: Callable[[JournalError], None] | None,
    ) -> None:
        """Keep the captions in a journal."""
        loop = asyncio.get_running_loop()

        def report(error: JournalError) -> None:
            loop.call_soon_threadsafe(on_error or (lambda error: _logger.error("%s", error)), error)

        self._recorder = Recorder(
            journal,
            session,
            source_lang=translator.source_lang,
            target_lang=translator.target_lang,
            on_error=report,
        )

    async def drive(self, stop: asyncio.Event | None) -> None:
        """Run until the source ends, `stop` is set or something fails; never raises an error."""
        try:
            async with asyncio.TaskGroup() as group:
                self._pulling = group.create_task(self._pull())
                self._pulling.add_done_callback(lambda _: self._items.close())
                group.create_task(self._read())
                group.create_task(self._translate())
                if stop is not None:
                    stopping = group.create_task(self._stop_at(stop))
                    self._pulling.add_done_callback(lambda _: stopping.cancel())
        except BaseExceptionGroup as errors:
            self._fail(_first(errors))
        except asyncio.CancelledError:
            self.captions.discard()  # nobody may be there to take them
            raise
        finally:
            await self._end()

    def abandon(self) -> None:
        """The consumer is gone: read no further, and finish for the journal only."""
        self.captions.discard()
        self._items.discard()
        if self._pulling is not None:
            self._pulling.cancel()

    def _fail(self, error: BaseException) -> None:
        if self.error is None:
            self.error = error
        else:
            _logger.warning("after %r, in the same session: %r", self.error, error)

    async def _stop_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        if self._pulling is not None:
            self._pulling.cancel()

    async def _pull(self) -> None:
        try:
            async for item in self._source:
                if self._items.closed:
                    break
                await self._items.put((item, self._end_of(item)))
                self._stats.n_items += 1
                self._stats.n_dropped = self._items.n_dropped
        except Exception as error:  # ends the stream; what came before is worked off
            self._fail(error)
        finally:
            close = getattr(self._source, "aclose", None)
            if close is not None:
                await close()

    async def _read(self) -> None:
        try:
            async for item, end_s in self._items:
                await self._queue(await self._call(self._accept, item, end_s))
                if self._lockstep:
                    await self._prefixes.drained()
            await self._queue(await self._call(self._reader.finish))
        except Exception as error:  # ends the stream; what came before is worked off
            self._fail(error)
            if self._pulling is not None:
                self._pulling.cancel()
        self._prefixes.close()

    def _accept(self, item: T, end_s: float) -> list[SourcePrefix]:
        """In the worker: read an item, and see whether that keeps up."""
        begin_s = self._clock()
        prefixes = self._reader.accept(item)
        now_s = self._clock()
        self._load.worked(now_s - begin_s)
        if not self._lockstep:
            self._load.read(end_s, now_s)
            if isinstance(self._reader, StretchableReader):
                self._reader.stretch(self._load.step_factor)
        return prefixes

    async def _queue(self, prefixes: list[SourcePrefix]) -> None:
        for prefix in prefixes:
            await self._prefixes.put(prefix)
        self._count()

    async def _translate(self) -> None:
        async for prefix in self._prefixes:
            if self._load.state is LoadState.FINALS_ONLY and not prefix.finished:
                self._stats.n_withheld += 1
                continue
            await self._emit(self._session.steps(prefix, self._clock()))

    async def _emit(self, steps: Iterator[Caption]) -> None:
        more = True
        while more:
            more = await self._call(self._step, steps)
            await self._hand_over()

    def _step(self, steps: Iterator[Caption]) -> bool:
        """In the worker: make the next caption and journal it, as one act for a cancellation."""
        begin_s = self._clock()
        caption = next(steps, None)
        now_s = self._clock()
        self._load.worked(now_s - begin_s)
        if caption is None:
            return False
        caption = replace(caption, emitted_s=now_s)
        if self._recorder is not None:
            self._recorder.write(caption)
        self._made.append(caption)
        return True

    async def _hand_over(self) -> None:
        while self._made:
            await self.captions.put(self._made[0])
            caption = self._made.popleft()
            self._stats.n_captions += 1
            self._stats.n_finals += caption.final
            self._stats.behind_s = caption.emitted_s - caption.end_s
            self._meter.observe(caption)
            self._stats.normalized_erasure = self._meter.normalized_erasure
            self._stats.delay_s = self._meter.delay_s
        self._count()

    def _count(self) -> None:
        self._stats.items_waiting = len(self._items)
        self._stats.prefixes_waiting = len(self._prefixes)
        self._stats.captions_waiting = len(self.captions)
        self._stats.n_conflated = self._prefixes.n_conflated
        if not self._lockstep:
            self._count_load(self._load.state)
        self._stats.journal_failing = self._recorder is not None and self._recorder.failing

    def _count_load(self, state: LoadState) -> None:
        if state is not (self._stats.load or LoadState.KEEPING_UP):
            kept_up = state is LoadState.KEEPING_UP
            _logger.log(
                logging.INFO if kept_up else logging.WARNING,
                "this machine is %s; the captions lag %.1f s",
                state if kept_up else f"too slow: {state}",
                self._load.lag_s,
            )
        self._stats.load = state
        self._stats.real_time_factor = self._load.real_time_factor
        self._stats.lag_s = self._load.lag_s

    async def _end(self) -> None:
        """Make the last segment final, whatever happened, and let go of everything."""
        try:
            try:
                await self._hand_over()
                await self._emit(self._session.finish_steps(self._clock()))
            except Exception as error:
                self._fail(error)
            if self._recorder is not None:
                await self._call(self._recorder.close)
        except Exception as error:
            self._fail(error)
        finally:
            self._count()
            self._items.close()
            self._prefixes.close()
            self.captions.close()
            if self._own_worker:
                self._worker.shutdown(wait=False)

    async def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function in the worker thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, lambda: function(*args, **kwargs))


def _first(errors: BaseExceptionGroup) -> BaseException:
    """The first error of a group; the others are logged."""
    first, *others = errors.exceptions
    for other in others:
        _logger.error("another error of the same session", exc_info=other)
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
