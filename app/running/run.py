"""`dragoman run`, behind the command line: puts a session together from the settings, runs it."""

from typing import TYPE_CHECKING, Any

from rich.console import Console

from app.models import translation
from app.models.registry import Registry, choose_device
from app.running import inputs
from app.running.job import Job, with_recording
from app.running.self_test import self_test
from app.running.showing import choose_show, exit_code, make_outputs, show_delivery
from app.running.sinks import open_sinks
from app.sessions.journal import session_journal
from app.sessions.name import new_session_name
from app.terminal.log import log_to
from engine.journal import Journal, JournalError

if TYPE_CHECKING:
    from app.config import Settings


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
    load_translator = translation.plan(registry, config)
    load_input = inputs.plan(
        source,
        settings,
        registry,
        on_found=lambda: console.print("The device is back", style="dim"),
    )
    show = choose_show(config, console, typed=inputs.is_typed(source))
    sinks = open_sinks(config, source)
    with console.status("Loading the models …"):
        device = choose_device(config.device)
        translator = load_translator(device)
        job_input = load_input(device)
        verdict = self_test(job_input.reader, translator) if job_input.limits.conflate else None
    if verdict is not None:
        style = "dim" if verdict.keeps_up else "yellow"
        console.print(str(verdict), style=style, markup=False, soft_wrap=True)
    session = new_session_name()
    with session_journal(settings, session, job_input.name) as journal:
        outputs = make_outputs(settings, console, sinks, journal)
        job_input = with_recording(job_input, config, session)
        job = Job(session, job_input, translator, outputs, settings.stability)
        try:
            duration_s = job_input.duration_s
            caught = show_delivery(job, show, console, settings, duration_s=duration_s)
        finally:
            closed = [sink.close() for sink in sinks]  # each of them
        kept = journal is not None and _is_kept(journal, session)
    if kept:
        console.print(f"Kept: dragoman sessions show {session}", style="dim", soft_wrap=True)
    return _exit_code(job, caught, complete=all(closed))


def _is_kept(journal: Journal, session: str) -> bool:
    try:
        return bool(journal.captions(session, finals_only=True))
    except (JournalError, LookupError):  # a journal that failed, as the log has said
        return False


def _exit_code(job: Job[Any], caught: int | None, *, complete: bool) -> int:
    code = exit_code(None if job.source.endless else caught, complete=complete)
    if not code and not job.stats.n_captions and not job.source.endless:
        raise NothingHeardError(f"{job.source.name}: nothing to translate; {job.source.advice}")
    return code
