"""`dragoman overlay`, behind the command line: the band with an engine of its own, or of a feed."""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

import platformdirs
from rich.console import Console

from app.feeds.follow import FollowConfig, follow
from app.running.window import can_show, kept_settings
from app.sessions.archive import JournalArchive
from app.terminal.log import log_to
from app.terminal.view import TerminalView
from ui.application import run_overlay
from ui.status import Notice

if TYPE_CHECKING:
    from app.config import Settings
    from ui.control import Publish

logger = logging.getLogger(__name__)


def run_local(settings: "Settings", *, source: str | None, explicit: Collection[str]) -> int:
    """Show the band with an engine in this process; the result is the exit code.

    Without a display captions are shown in the terminal, after one line that says why.

    Args:
        settings: of the session and of the band.
        source: what to listen to, as for `dragoman run`; None takes what was chosen last.
        explicit: fields of `settings.run` that go before what was chosen last.
    """
    from app.overlay.choices import ChoiceMemory, Chosen
    from app.overlay.host import Host
    from app.running import run

    console = _log()
    memory = ChoiceMemory(platformdirs.user_state_path("dragoman") / "overlay-session.json")
    chosen = memory.recall(Chosen.of(settings)).override(settings, source, explicit)
    if source is not None:
        memory.remember(chosen)
    if not can_show(console, asked=True):
        settings = chosen.apply(settings)
        shown_here = dataclasses.replace(settings.run, show="terminal")
        return run.main(chosen.source, dataclasses.replace(settings, run=shown_here))
    host = Host(settings, chosen, memory)
    archive = JournalArchive(settings.run.journal_file)
    shown = kept_settings(dataclasses.replace(settings.overlay, stay=True))
    return _code(run_overlay(host.run, shown, control=host, archive=archive))


def run_remote(settings: "Settings", url: str, token: str | None) -> int:
    """Show the captions of a feed; the result is the exit code.

    Without a display they are shown in the terminal, after one line that says why.

    Raises:
        FollowError: not the address of a feed, or it refuses this client.
    """
    console = _log()
    config = FollowConfig(url=url, token=token, patient=True, detail=True)

    async def show(publish: "Publish") -> None:
        publish(Notice(phase="starting", subject="feed"))
        captions = follow(
            config,
            connected=lambda: publish(Notice(phase="running", subject="feed")),
            lost=lambda why: publish(Notice(phase="lost", subject="feed", detail=why)),
        )
        async with contextlib.aclosing(captions):
            async for caption in captions:
                publish(caption)

    if not can_show(console, asked=True):
        with TerminalView(console) as view, contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_show_in_terminal(config, view))
        return 0
    archive = JournalArchive(settings.run.journal_file)
    return _code(run_overlay(show, kept_settings(settings.overlay), archive=archive))


async def _show_in_terminal(config: FollowConfig, view: TerminalView) -> None:
    async for caption in follow(config, lost=_say_lost):
        view.show(caption)


def _say_lost(why: str) -> None:
    logger.warning("the feed is gone (%s); connecting again", why)


def _log() -> Console:
    console = Console(stderr=True, highlight=False)
    log_to(console)
    return console


def _code(code: int) -> int:
    """Being ended by a signal is the normal end of a window that has no other."""
    return 0 if code > 128 else code
