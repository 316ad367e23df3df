"""The tasks of one session, and the bounded queues between them."""

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Generic, ParamSpec, TypeVar

from engine.captions import Caption
from engine.channel import Channel, PrefixChannel
from engine.limits import Limits
from engine.pipeline_stats import PipelineStats
from engine.source import SourcePrefix
from engine.work import Work

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

_logger = logging.getLogger(__name__)


class PipelineTasks(Generic[T]):
    """The tasks of one session and the queues between them."""

    def __init__(
        self,
        source: AsyncIterable[T],
        work: Work[T],
        limits: Limits,
        stats: PipelineStats,
        worker: Executor | None,
        end_s: Callable[[T], float],
    ) -> None:
        self.captions = Channel[Caption](limits.captions)
        self.error: BaseException | None = None
        self._source = source
        self._work = work
        self._end_of = end_s
        self._lockstep = not limits.conflate
        self._stats = stats
        n_items = limits.items or (300 if limits.drop_items else 16)
        self._items = Channel[tuple[T, float]](n_items, drop_oldest=limits.drop_items)
        self._prefixes = PrefixChannel(limits.prefixes, conflate=limits.conflate)
        self._pulling: asyncio.Task[None] | None = None
        self._own_worker = worker is None
        self._worker = worker or ThreadPoolExecutor(1, thread_name_prefix="inference")

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
                await self._items.put((item, self._end_of(item)))  # there is room
                self._stats.n_items += 1
                self._stats.n_dropped = self._items.n_dropped
                # A stop while it waits finds no item in its hands that would be lost.
                if not await self._items.room():
                    break
        except Exception as error:  # ends the stream; what came before is worked off
            self._fail(error)
        finally:
            close = getattr(self._source, "aclose", None)
            if close is not None:
                await close()

    async def _read(self) -> None:
        try:
            async for item, end_s in self._items:
                await self._queue(await self._call(self._work.read, item, end_s))
                if self._lockstep:
                    await self._prefixes.drained()
            await self._queue(await self._call(self._work.finish_reading))
        except Exception as error:  # ends the stream; what came before is worked off
            self._fail(error)
            if self._pulling is not None:
                self._pulling.cancel()
        self._prefixes.close()

    async def _queue(self, prefixes: list[SourcePrefix]) -> None:
        for prefix in prefixes:
            await self._prefixes.put(prefix)
        self._count()

    async def _translate(self) -> None:
        async for prefix in self._prefixes:
            if self._work.withholds(prefix):
                self._stats.n_withheld += 1
            else:
                await self._emit(self._work.translation(prefix))

    async def _emit(self, steps: Iterator[Caption]) -> None:
        more = True
        while more:
            more = await self._call(self._work.step, steps)
            await self._hand_over()

    async def _hand_over(self) -> None:
        made = self._work.made
        while made:
            await self.captions.put(made[0])
            caption = made.popleft()
            self._stats.count_caption(caption)
        self._count()

    def _count(self) -> None:
        self._stats.n_conflated = self._prefixes.n_conflated
        self._stats.journal_failing = self._work.journal_failing
        if self._work.paced:
            self._stats.count_load(self._work.load)

    async def _end(self) -> None:
        """Make the last segment final, whatever happened, and let go of everything."""
        try:
            try:
                await self._hand_over()
                await self._emit(self._work.last_translation())
            except Exception as error:
                self._fail(error)
            await self._call(self._work.close)
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
