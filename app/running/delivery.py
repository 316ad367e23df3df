"""The captions of one session on their way to everything that shows or keeps them."""

import abc
import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from app.feeds.files import CaptionSink
from app.feeds.outlets import Outlet, delivering
from app.server.captions import Published
from app.server.config import ServerConfig
from app.server.feed import feed_routes, in_words, serve_feed
from app.server.history import History
from app.server.stats import ServerStats
from engine.captions import Caption
from engine.journal import Journal
from engine.pipeline_stats import PipelineStats
from ui.status import Report

logger = logging.getLogger(__name__)

REFRESH_S = 0.25


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


class Delivery(abc.ABC):
    """Brings captions to their outputs, once; what makes the captions is up to the subclass."""

    def __init__(self, session: str, outputs: Outputs) -> None:
        """Deliver nothing yet.

        Args:
            session: the id that the captions carry.
            outputs: who gets them.
        """
        self.session = session
        self.outputs = outputs
        self.stats = PipelineStats()
        """Figures of the session, kept up to date."""
        self.position_s = 0.0
        """How far the source was read, in session time."""
        self.stopping = asyncio.Event()
        """Set when the session is to end in order."""
        self._served = ServerStats()
        self._loop: asyncio.AbstractEventLoop | None = None

    @abc.abstractmethod
    def captions(self) -> AsyncGenerator[Caption, None]:
        """The captions of the session in order, until its source ends or `stopping` is set."""

    @property
    def report(self) -> Report:
        """What there is to tell besides the captions."""
        served = self.outputs.feed.address is not None
        return Report(viewers=self._served.viewers if served else None)

    def stop(self) -> None:
        """End the session in order: the last segment is finalised, everything is saved."""
        self.stopping.set()

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
            captions = await stack.enter_async_context(contextlib.aclosing(self.captions()))
            async for caption in captions:
                await self._pass_on(caption, published)

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
            self.outputs.refresh(self.position_s)
            report = self.report
            if report != told:
                told = report
                self.outputs.report(report)
            await asyncio.sleep(REFRESH_S)
