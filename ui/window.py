"""The life of the window: one coroutine in Qt's event loop, and the job in a thread beside it."""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

import qasync
from PyQt6.QtWidgets import QApplication

from ui.control import Archive, Control
from ui.desktop import Desktop
from ui.display import DisplayError
from ui.job_thread import Job, JobThread
from ui.language import speak
from ui.paint import quiet_font_fallback
from ui.platform_limits import Platform
from ui.settings import OverlaySettings
from ui.tray import icon, tray_available

logger = logging.getLogger(__name__)

SWITCH_S = 0.001
"""After so long a thread that computes lets the window have the interpreter; 5 ms otherwise, which
a repaint would wait for several times."""


def live(
    start: Job,
    settings: OverlaySettings,
    platform: Platform,
    control: Control | None,
    archive: Archive | None,
) -> int:
    """Show the overlay while the job runs; see `ui.application.run_overlay`."""
    app = QApplication.instance() or QApplication(["dragoman", "-platform", platform.name])
    assert isinstance(app, QApplication)
    quiet_font_fallback()
    app.setApplicationDisplayName("Dragoman")
    app.setQuitOnLastWindowClosed(False)
    app.setWindowIcon(icon())
    speak(settings.interface_lang)
    # With the default hook, PyQt6 aborts the process at an error in a slot: the session with it.
    hook, sys.excepthook = sys.excepthook, _log_error
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
            desktop = Desktop(settings, platform, control=control, archive=archive)
            return runner.run(_live(start, desktop))
    except RuntimeError as error:
        if "loop stopped" not in str(error):  # what qasync says when Qt ends by itself
            raise
        raise DisplayError("the display went away") from error
    finally:
        sys.setswitchinterval(switch_s)
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


async def _live(start: Job, desktop: Desktop) -> int:
    overlay = desktop.overlay
    if overlay.settings.locked and not (desktop.tray and tray_available()):
        logger.warning("no system tray: the locked band can be closed with Ctrl-C only")
    closed = asyncio.Event()
    overlay.closed.connect(closed.set)
    job = JobThread(start, desktop.bridge.publish)
    with _signals(closed) as received:
        desktop.show()
        job.start()
        try:
            await _until_job_and_reader_are_done(job, desktop, closed)
        finally:
            job.stop()
            desktop.close()
    return 128 + received[0] if received else 0


async def _until_job_and_reader_are_done(
    job: JobThread, desktop: Desktop, closed: asyncio.Event
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
        desktop.bridge.flush()
        with suppress(TimeoutError):
            stay = desktop.overlay.settings.stay
            await asyncio.wait_for(closed.wait(), None if stay else desktop.overlay.linger_s)
        await _until_windows_are_closed(desktop, closed)
    done.result()


async def _until_windows_are_closed(desktop: Desktop, closed: asyncio.Event) -> None:
    """Take no history or settings out of the user's hands because a file has ended."""
    window_closed = asyncio.Event()
    desktop.window_closed.connect(window_closed.set)
    while desktop.has_open_window and not closed.is_set():
        window_closed.clear()
        waits = [asyncio.ensure_future(event.wait()) for event in (window_closed, closed)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


async def _first(done: "asyncio.Future[None]", other: Awaitable[object]) -> None:
    """Wait for one of the two, and drop the other."""
    waiting = asyncio.ensure_future(other)
    try:
        await asyncio.wait((done, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
