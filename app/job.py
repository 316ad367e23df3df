"""One session, from its source to everything that shows or keeps its captions."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from app.feeds.files import CaptionSink
from app.feeds.outlets import Outlet, delivering
from app.server.captions import Published
from app.server.config import ServerConfig
from app.server.feed import feed_routes, in_words, serve_feed
from app.server.history import History
from app.server.stats import ServerStats
from engine import pipeline
from engine.captions import Caption
from engine.journal import Journal, JournalError
from engine.limits import Limits
from engine.pipeline_stats import PipelineStats
from engine.source import SourceReader
from engine.stability import StabilityConfig
from engine.stability_control import Dial
from engine.translator import Translator
from ui.status import Report

T = TypeVar("T")

logger = logging.getLogger(__name__)

REFRESH_S = 0.25


class LiveClock:
    """Session time that runs with the wall clock, from the moment that the source begins."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Stand still at 0."""
        self._now = now
        self._origin: float | None = None

    def __call__(self) -> float:
        """Seconds since the start, 0 before it."""
        return 0.0 if self._origin is None else self._now() - self._origin

    def start(self, session_s: float = 0.0) -> None:
        """It is `session_s` now; nothing happens after the first call."""
        if self._origin is None:
            self._origin = self._now() - session_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(Generic[T]):
    """A source and what reads it."""

    name: str
    """In words for people."""
    open: Callable[[], AsyncIterator[T]]
    """Called once, on the event loop of the job."""
    reader: SourceReader[T]
    clock: Callable[[], float]
    end_s: Callable[[T], float]
    """Session time at the end of an item."""
    limits: Limits
    duration_s: float | None = None
    """Length of the source, None if it is not known."""
    advice: str = ""
    """What the user might do if nothing was in it."""
    own_clock: bool = False
    """Its clock drifts against ours, or stalls: only from its arrival on is an item late."""
    endless: bool = False
    """Only the user ends it: being stopped is its normal end."""


@dataclass(slots=True, kw_only=True)
class Outputs:
    """Who gets the captions."""

    sinks: Sequence[CaptionSink] = ()
    """Written in a thread, all captions in order; a slow one slows the session down."""
    watchers: Sequence[Callable[[Caption], None]] = ()
    """Called on the event loop; must not wait."""
    refresh: Callable[[float], None] = lambda _: None
    """Called a few times a second with the position in the source."""
    report: Callable[[Report], None] = lambda _: None
    """Told what there is to tell besides the captions, when it is something else."""
    announce: Callable[[str], None] = lambda _: None
    """Told, once the feed is served, where."""
    feed: ServerConfig = field(default_factory=ServerConfig)
    outlets: Sequence[Outlet] = ()
    """Deliver to somewhere else, at their own pace."""
    journal: Journal | None = None


@dataclass(slots=True)
class Job(Generic[T]):
    """A session that can be run once."""

    session: str
    source: Input[T]
    translator: Translator
    outputs: Outputs
    stability: StabilityConfig | Dial | None = None
    stats: PipelineStats = field(default_factory=PipelineStats)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _position_s: float = 0.0
    _served: ServerStats = field(default_factory=ServerStats)

    @property
    def report(self) -> Report:
        """What there is to tell besides the captions."""
        served = self.outputs.feed.address is not None
        return Report(viewers=self._served.viewers if served else None)

    def stop(self) -> None:
        """End the session in order: the last segment is finalised, everything is saved."""
        self._stop.set()

    def stop_soon(self) -> None:
        """`stop`, from another thread or from a signal handler; before the start, too."""
        if self._loop is None:
            self.stop()
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended already
                self._loop.call_soon_threadsafe(self.stop)

    async def run(self) -> None:
        """Run until the source ends or `stop` is called. Being cancelled is being stopped.

        Raises:
            Exception: what the source, the models or an output raised, after everything before it
                is saved.
        """
        self._loop = asyncio.get_running_loop()
        work = asyncio.create_task(self._work())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            self.stop()
            await work
            raise

    async def _work(self) -> None:
        stats = self._served
        published = Published(History(self.outputs.journal), stats)
        published.begin(self.session)
        config = self.outputs.feed
        async with contextlib.AsyncExitStack() as stack:
            if config.address is not None:
                routes = feed_routes(published, config, stats, session=self.session)
                feed = serve_feed(routes, published, config, stats)
                address = await stack.enter_async_context(feed)
                self.outputs.announce(in_words(address, config))
            delivery = delivering(self.outputs.outlets, published.fanout)
            await stack.enter_async_context(delivery)
            stack.callback(published.fanout.close)
            refreshing = asyncio.create_task(self._refresh())
            stack.callback(refreshing.cancel)
            captions = await stack.enter_async_context(contextlib.aclosing(self._captions()))
            async for caption in captions:
                await self._pass_on(caption, published)

    def _captions(self) -> AsyncGenerator[Caption, None]:
        return pipeline.run(
            self._items(),
            self.source.reader,
            self.translator,
            session=self.session,
            clock=self.source.clock,
            stability=self.stability,
            journal=self.outputs.journal,
            on_journal_error=_tell,
            limits=self.source.limits,
            stats=self.stats,
            stop=self._stop,
            end_s=None if self.source.own_clock else self.source.end_s,
        )

    async def _items(self) -> AsyncGenerator[T, None]:
        items: Any = self.source.open()
        clock = self.source.clock
        async with contextlib.aclosing(items):
            async for item in items:
                end_s = self.source.end_s(item)
                if isinstance(clock, LiveClock):
                    clock.start(end_s)
                self._position_s = max(self._position_s, end_s)
                yield item

    async def _pass_on(self, caption: Caption, published: Published) -> None:
        if self.outputs.sinks and not await asyncio.to_thread(self._write, caption):
            logger.info("nobody reads the captions any more: the session ends")
            self.stop()
        published.publish(caption)
        for watcher in self.outputs.watchers:
            watcher(caption)

    def _write(self, caption: Caption) -> bool:
        wanted = [sink.write(caption) for sink in self.outputs.sinks]  # each of them
        return all(wanted)

    async def _refresh(self) -> None:
        told = Report()
        while True:
            self.outputs.refresh(self._position_s)
            report = self.report
            if report != told:
                told = report
                self.outputs.report(report)
            await asyncio.sleep(REFRESH_S)


def _tell(error: JournalError) -> None:
    logger.error("%s; the session goes on", error)
