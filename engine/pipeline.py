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
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from concurrent.futures import Executor
from typing import TypeVar

from engine.captions import Caption
from engine.journal import Journal, JournalError
from engine.limits import Limits
from engine.pipeline_stats import PipelineStats
from engine.pipeline_tasks import PipelineTasks
from engine.recording import Recorder
from engine.session import Session
from engine.source import SourceReader
from engine.stability import StabilityConfig
from engine.stability_control import Dial
from engine.translator import Translator
from engine.work import Work

T = TypeVar("T")

_logger = logging.getLogger(__name__)


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
    limits = limits or Limits()
    recorder = (
        None if journal is None else _recorder(journal, session, translator, on_journal_error)
    )
    work = Work(
        reader,
        Session(translator, session=session, stability=stability),
        clock,
        recorder=recorder,
        paced=limits.conflate,
    )
    pipeline = PipelineTasks(
        source, work, limits, stats or PipelineStats(), worker, end_s or (lambda _: clock())
    )
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


def _recorder(
    journal: Journal,
    session: str,
    translator: Translator,
    on_error: Callable[[JournalError], None] | None,
) -> Recorder:
    """Keeps the captions in a journal, and tells its errors on the event loop."""
    loop = asyncio.get_running_loop()

    def report(error: JournalError) -> None:
        loop.call_soon_threadsafe(on_error or (lambda error: _logger.error("%s", error)), error)

    return Recorder(
        journal,
        session,
        source_lang=translator.source_lang,
        target_lang=translator.target_lang,
        on_error=report,
    )
