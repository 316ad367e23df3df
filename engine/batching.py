"""Batching: what several streams ask of an acoustic model at the same time is computed as one.

A GPU takes hardly longer for a batch of windows than for one; a CPU gains nothing, see
`docs/reliability.md`. Each call is made in a thread of `engine.workers`, whose turns keep it fair:
a stream has one call at a time, and calls are taken in the order in which they came.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.audio import Samples

MAX_ROWS = 16
DEADLINE_S = 0.005
"""How long a call waits for others; those that come while a batch is computed wait for its end."""


class BatchModel(Protocol):
    """An acoustic model whose rows are the same in a batch as alone, if that is asked for."""

    def log_probs(
        self,
        audio: Sequence[Samples],
        *,
        lang: Sequence[str],
        task: Sequence[str],
        prompt: Sequence[str | None],
        apart: bool,
    ) -> tuple[Any, Any]:
        """As `engine.acoustics.AcousticModel.log_probs`; `apart`: padding changes nothing."""
        ...


@dataclass(frozen=True, slots=True)
class _Call:
    rows: Sequence[tuple[Samples, str, str, str | None]]
    asked_s: float = field(default_factory=time.monotonic)
    future: "Future[tuple[Any, Any]]" = field(default_factory=Future)


class BatchingModel:
    """An acoustic model for calls from several threads.

    One of the threads that wait computes for all of them, and no other does meanwhile.
    """

    def __init__(
        self, model: BatchModel, *, max_rows: int = MAX_ROWS, deadline_s: float = DEADLINE_S
    ) -> None:
        """Wrap a model.

        Args:
            model: what computes.
            max_rows: a batch of so many calls waits for no more.
            deadline_s: nor does a call that has waited for so long.
        """
        self._model = model
        self._max_rows = max_rows
        self._deadline_s = deadline_s
        self._changed = threading.Condition()
        self._waiting: deque[_Call] = deque()
        self._led = False  # whether a thread gathers or computes a batch

    @property
    def n_waiting(self) -> int:
        """How many calls are in no batch yet."""
        return len(self._waiting)

    def log_probs(
        self,
        audio: Sequence[Samples],
        *,
        lang: Sequence[str],
        task: Sequence[str],
        prompt: Sequence[str | None],
    ) -> tuple[Any, Any]:
        """As `engine.acoustics.AcousticModel.log_probs`."""
        call = _Call(list(zip(audio, lang, task, prompt, strict=True)))
        with self._changed:
            self._waiting.append(call)
            self._changed.notify_all()
            while not call.future.done():
                if self._led:
                    self._changed.wait()
                else:
                    self._lead()
        return call.future.result()

    def _lead(self) -> None:
        """Gather a batch and compute it, without the lock, which is held."""
        self._led = True
        left_s = self._waiting[0].asked_s + self._deadline_s - time.monotonic()
        self._changed.wait_for(lambda: len(self._waiting) >= self._max_rows, max(left_s, 0.0))
        n_calls = min(len(self._waiting), self._max_rows)
        batch = [self._waiting.popleft() for _ in range(n_calls)]
        self._changed.release()
        try:
            self._compute(batch)
        finally:
            self._changed.acquire()
            self._led = False
            self._changed.notify_all()

    def _compute(self, batch: Sequence[_Call]) -> None:
        rows = [row for call in batch for row in call.rows]
        audio, lang, task, prompt = zip(*rows, strict=True)
        try:
            log_probs, lengths = self._model.log_probs(
                audio, lang=lang, task=task, prompt=prompt, apart=True
            )
        except Exception as error:
            if len(batch) == 1:
                batch[0].future.set_exception(error)
                return
            for call in batch:  # the fault of one is not that of the others
                self._compute([call])
            return
        first = 0
        for call in batch:
            after = first + len(call.rows)
            n_frames = int(lengths[first:after].max())
            call.future.set_result((log_probs[first:after, :n_frames], lengths[first:after]))
            first = after
