"""Work: what one session does in the worker thread. It reads, translates and journals.

The pipeline calls these functions one at a time, never on the event loop, and moves what they
return.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Generic, TypeVar

from engine.captions import Caption, LiveFigures, LoadState
from engine.live_metrics import LiveMeter
from engine.load import LoadControl
from engine.recording import Recorder
from engine.session import Session
from engine.source import SourcePrefix, SourceReader, StretchableReader
from engine.word_times import SourceTimer

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class Work(Generic[T]):
    """The reader, the session, the journal and the load control of one stream."""

    def __init__(
        self,
        reader: SourceReader[T],
        session: Session,
        clock: Callable[[], float],
        *,
        recorder: Recorder | None = None,
        paced: bool = True,
    ) -> None:
        """Start without captions.

        Args:
            reader: makes source prefixes of what the source gives.
            session: makes captions of them.
            clock: session time in seconds.
            recorder: keeps the captions.
            paced: the source does not wait, so that the machine has to keep up with it.
        """
        self.load = LoadControl()
        self.paced = paced
        self.made: deque[Caption] = deque()
        """Captions that are in the journal and that nobody has taken yet."""
        self._timer = SourceTimer()
        self._meter = LiveMeter()
        self._reader = reader
        self._session = session
        self._clock = clock
        self._recorder = recorder

    @property
    def journal_failing(self) -> bool:
        """Whether captions could not be kept lately."""
        return self._recorder is not None and self._recorder.failing

    def read(self, item: T, end_s: float) -> list[SourcePrefix]:
        """Read an item that ends at `end_s`, and see whether that keeps up."""
        begin_s = self._clock()
        prefixes = self._reader.accept(item)
        now_s = self._clock()
        self.load.worked(now_s - begin_s)
        if self.paced:
            self._watch_load(end_s, now_s)
        return [self._timer.note(prefix, now_s) for prefix in prefixes]

    def finish_reading(self) -> list[SourcePrefix]:
        """The source has ended."""
        prefixes = self._reader.finish()
        now_s = self._clock()
        return [self._timer.note(prefix, now_s) for prefix in prefixes]

    def withholds(self, prefix: SourcePrefix) -> bool:
        """Whether there is no time to translate this prefix."""
        return self.load.state is LoadState.FINALS_ONLY and not prefix.finished

    def translation(self, prefix: SourcePrefix) -> Iterator[Caption]:
        """The captions of a prefix; each is made by one call of `step`."""
        return self._session.steps(prefix, self._clock)

    def last_translation(self) -> Iterator[Caption]:
        """The captions that make the open segment final, as those of `translation`."""
        return self._session.finish_steps(self._clock)

    def step(self, captions: Iterator[Caption]) -> bool:
        """Make the next caption and journal it, as one act for a cancellation; False: no more."""
        begin_s = self._clock()
        caption = next(captions, None)
        self.load.worked(self._clock() - begin_s)
        if caption is None:
            return False
        caption = replace(caption, live=self._live(caption))
        if self._recorder is not None:
            self._recorder.write(caption)
        self.made.append(caption)
        return True

    def close(self) -> None:
        """End the session in the journal."""
        if self._recorder is not None:
            self._recorder.close()

    def _live(self, caption: Caption) -> LiveFigures:
        """How the session stands with this caption."""
        self._meter.observe(caption)
        return LiveFigures(
            normalized_erasure=self._meter.normalized_erasure,
            delay_s=self._meter.delay_s,
            load=self.load.state if self.paced else None,
            real_time_factor=self.load.real_time_factor,
        )

    def _watch_load(self, end_s: float, now_s: float) -> None:
        before = self.load.state
        self.load.read(end_s, now_s)
        if isinstance(self._reader, StretchableReader):
            self._reader.stretch(self.load.step_factor)
        state = self.load.state
        if state is not before:
            keeps_up = state is LoadState.KEEPING_UP
            _logger.log(
                logging.INFO if keeps_up else logging.WARNING,
                "this machine is %s; the captions lag %.1f s",
                state if keeps_up else f"too slow: {state}",
                self.load.lag_s,
            )
