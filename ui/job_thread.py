"""A job in an asyncio loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

from ui.control import Publish

Job = Callable[[Publish], Awaitable[None]]


class JobThread:
    """Runs a job in an asyncio loop in its own thread."""

    def __init__(self, start: Job, publish: Publish) -> None:
        self.done: Future[None] = Future()
        """Resolved when the job has ended; a job that was stopped has ended well."""
        self._start = start
        self._publish = publish
        self._lock = threading.Lock()
        self._stopped = False
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        # A daemon: a job that was abandoned must not keep the process.
        self._thread = threading.Thread(target=self._run, name="dragoman-job", daemon=True)

    def start(self) -> None:
        """Start the job."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the job to end, by cancelling it once; callable from any thread."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)

    def join(self) -> None:
        """Wait for the thread, once `done` is resolved."""
        self._thread.join()

    def _run(self) -> None:
        self.done.set_running_or_notify_cancel()  # from here on nobody but this thread ends it
        try:
            with asyncio.Runner() as runner:
                runner.run(self._main())
        except asyncio.CancelledError:
            self.done.set_result(None)
        except BaseException as error:  # handed to the main thread, whatever it is
            self.done.set_exception(error)
        else:
            self.done.set_result(None)

    async def _main(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        with self._lock:
            self._loop, self._task = asyncio.get_running_loop(), task
            if self._stopped:
                return
        try:
            await self._start(self._publish)
        finally:
            with self._lock:
                self._task = None
