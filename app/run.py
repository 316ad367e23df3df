"""`dragoman run`, behind the command line: puts a session together from the settings, runs it."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from app import inputs
from app.feeds.files import CaptionSink, JsonLines, StandardOutput, Subtitles
from app.job import Job, Outputs
from app.outlets import make_outlets
from app.overlay import can_show, kept_settings
from app.registry import Registry, choose_device, load_translator
from app.run_config import RunConfig, Show
from app.self_test import self_test
from app.session_name import new_session_name
from app.sources.keyboard import restore_keyboard
from app.terminal import ProgressView, TerminalView, View, log_to
from engine.journal import Journal, JournalError
from engine.subtitles import Format

if TYPE_CHECKING:
    from app.config import Settings
    from ui.control import Publish

logger = logging.getLogger(__name__)

EXIT_INCOMPLETE = 2  # a file that was asked for lacks captions; a line said so


class NothingHeardError(ValueError):
    """The source ended and there was nothing in it to translate."""


def main(source: str, settings: "Settings") -> int:
    """Run a session to its end; the result is the exit code.

    Raises:
        Exception: one of our own classes of errors, or an OSError, for what the user can mend.
    """
    console = Console(stderr=True, highlight=False)
    log_to(console)
    config = settings.run
    registry = Registry(config.models)
    model = registry.find_translator(config.translator, config.source_lang, config.target_lang)
    load_input = inputs.plan(source, settings, registry)
    show = config.show or ("terminal" if inputs.is_typed(source) else "overlay")
    if show == "overlay" and not can_show(console, asked=config.show is not None):
        show = "terminal"
    sinks = _open_sinks(config)
    with console.status("Loading the models …"):
        device = choose_device(config.device)
        translator = load_translator(model, device=device, policy=config)
        job_input = load_input(device)
        verdict = self_test(job_input.reader, translator) if job_input.limits.conflate else None
    if verdict is not None:
        style = "dim" if verdict.keeps_up else "yellow"
        console.print(str(verdict), style=style, markup=False, soft_wrap=True)
    session = new_session_name()
    with session_journal(config, session, job_input.name) as journal:
        outputs = Outputs(
            sinks=sinks,
            announce=lambda where: console.print(where, soft_wrap=True),
            feed=settings.feed,
            outlets=make_outlets(settings),
            journal=journal,
        )
        job = Job(session, job_input, translator, outputs, settings.stability)
        try:
            caught = _run(job, show, console, settings)
        finally:
            closed = [sink.close() for sink in sinks]  # each of them
    if journal is not None and job.stats.n_captions:
        console.print(f"Kept: dragoman sessions show {session}", style="dim", soft_wrap=True)
    return _exit_code(job, caught, complete=all(closed))


def _exit_code(job: Job[Any], caught: int | None, *, complete: bool) -> int:
    if not complete:
        return EXIT_INCOMPLETE
    if job.source.endless:
        return 0
    if caught is not None:
        return 128 + caught
    if not job.stats.n_captions:
        raise NothingHeardError(f"{job.source.name}: nothing to translate; {job.source.advice}")
    return 0


def _run(job: Job[Any], show: Show, console: Console, settings: "Settings") -> int | None:
    """Run the job in its view; the result is the number of the signal that ended it, or None."""
    duration_s = job.source.duration_s
    view: View
    if show == "terminal":
        view = TerminalView(console, duration_s, stats=job.stats)
    else:
        view = ProgressView(console, duration_s)
    with view:
        job.outputs.refresh = view.refresh
        if show == "overlay":
            return _run_in_overlay(job, view, settings)
        job.outputs.watchers = (view.show,)
        with _signals(job.stop_soon, console) as caught:
            asyncio.run(job.run())
    return caught[0] if caught else None


def _run_in_overlay(job: Job[Any], view: View, settings: "Settings") -> int | None:
    from app.archive import JournalArchive
    from ui.application import run_overlay

    async def start(publish: "Publish") -> None:
        job.outputs.watchers = (view.show, publish)
        job.outputs.report = publish
        await job.run()

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


def _open_sinks(config: RunConfig) -> list[CaptionSink]:
    sinks: list[CaptionSink] = []
    if config.jsonl is not None:
        to_stdout, detail = config.jsonl == "-", config.detail
        sinks.append(
            StandardOutput(detail=detail)
            if to_stdout
            else JsonLines(Path(config.jsonl), detail=detail)
        )
    if config.srt is not None:
        sinks.append(Subtitles(config.srt, Format.SRT))
    if config.vtt is not None:
        sinks.append(Subtitles(config.vtt, Format.VTT))
    return sinks


@contextlib.contextmanager
def session_journal(config: RunConfig, session: str, source: str) -> Iterator[Journal | None]:
    """The journal, with the session entered in it if there is room on the disk."""
    if not config.keep:
        yield None
        return
    with Journal.open(config.journal_file) as journal:
        try:
            journal.begin_session(
                session,
                source_lang=config.source_lang,
                target_lang=config.target_lang,
                source=source,
                translator=config.translator,
            )
        except JournalError as error:
            logger.error("%s; the session goes on", error)
        yield journal
