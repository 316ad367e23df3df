"""One session, from its source to everything that shows or keeps its captions."""

import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from app.running.delivery import Delivery, Outputs
from app.sessions.sound_recording import recorded, recording_file
from engine import pipeline
from engine.captions import Caption
from engine.journal import JournalError
from engine.limits import Limits
from engine.source import SourceReader
from engine.stability import StabilityConfig
from engine.stability_control import Dial
from engine.translator import Translator

if TYPE_CHECKING:
    from app.running.config import RunConfig

T = TypeVar("T")

logger = logging.getLogger(__name__)


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


def with_recording(source: Input[T], config: "RunConfig", session: str) -> Input[T]:
    """The input, whose sound is recorded beside the journal if the settings say so."""
    if not config.record:
        return source
    file = recording_file(config.journal_file, session)
    return replace(source, open=lambda: recorded(source.open(), file))


class Job(Delivery, Generic[T]):
    """A session that can be run once."""

    def __init__(
        self,
        session: str,
        source: Input[T],
        translator: Translator,
        outputs: Outputs,
        stability: StabilityConfig | Dial | None = None,
    ) -> None:
        """Run nothing yet; the arguments are those of `engine.pipeline.run`."""
        super().__init__(session, outputs)
        self.source = source
        self._translator = translator
        self._stability = stability

    def captions(self) -> AsyncGenerator[Caption, None]:
        """Run the source through the models."""
        return pipeline.run(
            self._items(),
            self.source.reader,
            self._translator,
            session=self.session,
            clock=self.source.clock,
            stability=self._stability,
            journal=self.outputs.journal,
            on_journal_error=_tell,
            limits=self.source.limits,
            stats=self.stats,
            stop=self.stopping,
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
                self.position_s = max(self.position_s, end_s)
                yield item


def _tell(error: JournalError) -> None:
    logger.error("%s; the session goes on", error)
