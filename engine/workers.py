"""Workers: the few threads in which the models run for many streams, in turns.

Every stream has a lane, an `Executor` whose calls run one at a time and in order, on whichever
thread is free. Lanes that have work take turns, one call each, so that a stream with much to do
delays the others by no more than the calls that are running.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class _Call:
    run: Callable[[], Any]
    future: Future[Any]
    asked_s: float


class Workers:
    """Threads for the calls of lanes; a context manager that waits for the last call."""

    def __init__(self, n_threads: int, *, waited: Callable[[float], None] = lambda _: None) -> None:
        """Start the threads.

        Args:
            n_threads: how many calls may run at once.
            waited: told, in a worker, how many seconds a call had to wait for its turn.
        """
        if n_threads < 1:
            raise ValueError(f"n_threads = {n_threads} of the workers is not 1 or more")
        self.n_threads = n_threads
        self._waited = waited
        self._ready: deque[_Lane] = deque()  # lanes with calls, none of which is running
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"inference {index}", daemon=True)
            for index in range(n_threads)
        ]
        for thread in self._threads:
            thread.start()

    def lane(self) -> Executor:
        """The executor of a new stream; nothing has to be done when the stream ends."""
        return _Lane(self)

    def close(self) -> None:
        """Take no more calls, and wait for those that were taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> "Workers":
        """The running threads."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the last call."""
        self.close()

    def submit(self, lane: "_Lane", call: _Call) -> None:
        """Put a call behind those of its lane."""
        with self._changed:
            if self._closed:
                raise RuntimeError("the workers are closed")
            lane.calls.append(call)
            if not lane.busy and len(lane.calls) == 1:
                self._ready.append(lane)
                self._changed.notify()

    def _run(self) -> None:
        while (lane := self._next_lane()) is not None:
            call = lane.calls.popleft()  # ours alone: a busy lane is in nobody else's hands
            self._waited(time.monotonic() - call.asked_s)
            if call.future.set_running_or_notify_cancel():
                _complete(call)
            del call
            self._return(lane)

    def _next_lane(self) -> "_Lane | None":
        with self._changed:
            while not self._ready:
                if self._closed:
                    return None
                self._changed.wait()
            lane = self._ready.popleft()
            lane.busy = True
            return lane

    def _return(self, lane: "_Lane") -> None:
        with self._changed:
            lane.busy = False
            if lane.calls:
                self._ready.append(lane)  # behind all others that wait
                self._changed.notify()


class _Lane(Executor):
    """The calls of one stream."""

    def __init__(self, workers: Workers) -> None:
        self.calls: deque[_Call] = deque()
        self.busy = False
        self._workers = workers

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run a call when it is this stream's turn.

        Raises:
            RuntimeError: the workers are closed.
        """
        future: Future[R] = Future()
        call = _Call(lambda: fn(*args, **kwargs), future, time.monotonic())
        self._workers.submit(self, call)
        return future


def _complete(call: _Call) -> None:
    try:
        result = call.run()
    except BaseException as error:
        call.future.set_exception(error)
    else:
        call.future.set_result(result)
