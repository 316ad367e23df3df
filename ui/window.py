"""The life of the window: one coroutine in Qt's event loop, and the job in a thread beside it."""

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

import qasync
from PyQt6.QtWidgets import QApplication

from engine.captions import Caption
from ui.bridge import CaptionBridge
from ui.overlay import Overlay
from ui.paint import quiet_font_fallback
from ui.settings import OverlaySettings
from ui.tray import Tray, icon, tray_available

logger = logging.getLogger(__name__)

Publish = Callable[[Caption], None]
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


def live(start: Job, settings: OverlaySettings, *, platform: str, blended: bool) -> int:
    """Show the overlay while the job runs; see `ui.application.run_overlay`."""
    app = QApplication.instance() or QApplication(["dragoman", "-platform", platform])
    assert isinstance(app, QApplication)
    quiet_font_fallback()
    app.setApplicationDisplayName("Dragoman")
    app.setQuitOnLastWindowClosed(False)
    app.setWindowIcon(icon())
    # With the default hook, PyQt6 aborts the process at an error in a slot: the session with it.
    hook, sys.excepthook = sys.excepthook, _log_error
    try:
        with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
            return runner.run(_live(start, settings, blended=blended))
    finally:
        sys.excepthook = hook


def _log_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    logger.error("error in the overlay", exc_info=(kind, error, trace))


@contextmanager
def _signals(closed: asyncio.Event) -> Iterator[list[int]]:
    """Let SIGINT and SIGTERM close the window; yields the list of those that came."""
    received: list[int] = []

    def receive(number: int) -> None:
        received.append(number)
        closed.set()

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM) if sys.platform != "win32" else ()
    for number in numbers:
        loop.add_signal_handler(number, receive, number)
    try:
        yield received
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _live(start: Job, settings: OverlaySettings, *, blended: bool) -> int:
    overlay = Overlay(settings, blended=blended)
    bridge = CaptionBridge(overlay)
    bridge.arrived.connect(overlay.show_captions)
    tray = Tray(overlay) if settings.tray else None
    if settings.locked and not (tray and tray_available()):
        logger.warning("no system tray: the locked band can be closed with Ctrl-C only")
    closed = asyncio.Event()
    overlay.closed.connect(closed.set)
    job = JobThread(start, bridge.publish)
    with _signals(closed) as received:
        overlay.show()
        if tray is not None:
            tray.show()
        job.start()
        try:
            await _until_job_and_reader_are_done(job, bridge, overlay, closed, received, settings)
        finally:
            job.stop()
            if tray is not None:
                tray.hide()
            overlay.hide()
            overlay.deleteLater()
    return 128 + received[0] if received else 0


async def _until_job_and_reader_are_done(
    job: JobThread,
    bridge: CaptionBridge,
    overlay: Overlay,
    closed: asyncio.Event,
    received: list[int],
    settings: OverlaySettings,
) -> None:
    done = asyncio.wrap_future(job.done)
    await _first(done, closed.wait())
    if not done.done():
        job.stop()
        closed.clear()  # set again by a second signal
        await _first(done, closed.wait())
        if not done.done():
            logger.warning("a second signal came: the job is abandoned")
            done.cancel()
            return
        job.join()
    elif done.exception() is None:
        job.join()
        bridge.flush()
        with suppress(TimeoutError):
            linger_s = None if settings.stay else overlay.linger_s
            await asyncio.wait_for(closed.wait(), linger_s)
    done.result()


async def _first(done: "asyncio.Future[None]", other: Awaitable[object]) -> None:
    """Wait for one of the two, and drop the other."""
    waiting = asyncio.ensure_future(other)
    try:
        await asyncio.wait((done, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
