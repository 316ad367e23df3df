"""Where captions are shown while they come: the overlay, the terminal, files, outlets, a feed."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console

from app.feeds.files import CaptionSink
from app.feeds.from_settings import make_outlets
from app.running.config import RunConfig, Show
from app.running.delivery import Delivery, Outputs
from app.running.window import can_show, kept_settings
from app.sources.keyboard import restore_keyboard
from app.terminal.progress import ProgressView
from app.terminal.view import TerminalView, View
from engine.journal import Journal

if TYPE_CHECKING:
    from app.config import Settings
    from ui.control import Publish


EXIT_INCOMPLETE = 2  # a file that was asked for lacks captions; a line said so


def choose_show(config: RunConfig, console: Console, *, typed: bool = False) -> Show:
    """What was asked for, or the overlay where a window can be shown and nobody types here."""
    show = config.show or ("terminal" if typed else "overlay")
    if show == "overlay" and not can_show(console, asked=config.show is not None):
        return "terminal"
    return show


def make_outputs(
    settings: "Settings", console: Console, sinks: list[CaptionSink], journal: Journal | None
) -> Outputs:
    """The outputs that the settings ask for, but for views.

    Raises:
        MqttError: MQTT cannot be used as it was asked for.
    """
    return Outputs(
        sinks=sinks,
        announce=lambda where: console.print(where, soft_wrap=True),
        feed=settings.feed,
        outlets=make_outlets(settings),
        journal=journal,
    )


def show_delivery(
    delivery: Delivery,
    show: Show,
    console: Console,
    settings: "Settings",
    *,
    duration_s: float | None = None,
) -> int | None:
    """Deliver in a view; the result is the number of the signal that ended it, or None."""
    view: View
    if show == "terminal":
        view = TerminalView(console, duration_s, stats=delivery.stats)
    else:
        view = ProgressView(console, duration_s)
    with view:
        delivery.outputs.refresh = view.refresh
        if show == "overlay":
            return _in_overlay(delivery, view, settings)
        delivery.outputs.watchers = (view.show,)
        with _signals(delivery.stop_soon, console) as caught:
            asyncio.run(delivery.run())
    return caught[0] if caught else None


def exit_code(caught: int | None, *, complete: bool) -> int:
    """That of a command, of the signal that ended it and of whether every file is whole."""
    if not complete:
        return EXIT_INCOMPLETE
    return 0 if caught is None else 128 + caught


def _in_overlay(delivery: Delivery, view: View, settings: "Settings") -> int | None:
    from app.sessions.archive import JournalArchive
    from ui.application import run_overlay

    async def start(publish: "Publish") -> None:
        delivery.outputs.watchers = (view.show, publish)
        delivery.outputs.report = publish
        await delivery.run()

    archive = JournalArchive(settings.run.journal_file)
    code = run_overlay(start, kept_settings(settings.overlay), archive=archive)
    return code - 128 if code > 128 else None


@contextlib.contextmanager
def _signals(stop: Callable[[], None], console: Console) -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM end in order, a second one at once; the value lists what came."""
    caught: list[int] = []

    def handle(number: int, _frame: object) -> None:
        if caught:
            console.show_cursor()
            restore_keyboard()
            os._exit(128 + number)
        caught.append(number)
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
