"""The door of the overlay: shows captions of a job until the job ends or the user closes it.

Imports no Qt at the top: whoever asks for an overlay where none can be shown gets a `DisplayError`.
"""

import os
from collections.abc import Awaitable, Callable

from ui.control import Archive, Control, Publish
from ui.display import DisplayError, choose_platform, has_compositor, is_bridged
from ui.settings import OverlaySettings

__all__ = ["DisplayError", "OverlaySettings", "check_display", "run_overlay"]

Job = Callable[[Publish], Awaitable[None]]


def check_display() -> None:
    """Find out whether `run_overlay` can show a window, before anything is loaded for it.

    Raises:
        DisplayError: it cannot; the message is one line that says why.
    """
    choose_platform(os.environ)


def run_overlay(
    start: Job,
    settings: OverlaySettings,
    *,
    control: Control | None = None,
    archive: Archive | None = None,
) -> int:
    """Show the captions that a job publishes; blocks, and needs the main thread.

    The job runs in an asyncio loop of its own, in a thread of its own, and the window in this
    thread: nothing that the job does (a step of the session, a write to the journal) can hold up
    painting for longer than Python takes to switch threads, which sharing one event loop would
    not guarantee. The window's own loop is qasync's, so that the life of the window can be
    written as a coroutine.

    When the user closes the window, or on SIGINT or SIGTERM, the job is cancelled once and
    awaited: it finalises its last segment and saves what it has in its own `except
    CancelledError` or `finally`. A second signal abandons it. When the job ends by itself, the
    last text stays for the dwell time, or until closed with `stay`.

    Args:
        start: the job; its argument publishes a caption or a notice, from any thread, without
            waiting.
        settings: of the band, as configured; the user's changes are kept in a file of their own.
        control: of the session, for the menu; None offers none.
        archive: past sessions, for the history window; None offers none.

    Returns:
        0 when the job ended or the window was closed; 128 + the signal's number after a signal.

    Raises:
        DisplayError: no window can be shown; the job was not started.
        Exception: what the job raised, after the window is gone.
    """
    platform = choose_platform(os.environ)  # the variables that Qt itself reads
    blended = has_compositor(platform, os.environ)
    from ui.platform_limits import Platform  # Qt, now that it is known to load
    from ui.window import live

    where = Platform(platform, blended, is_bridged(platform, os.environ))
    return live(start, settings, where, control, archive)
