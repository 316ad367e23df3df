"""`dragoman serve`, behind the command line: loads the models once and opens the doors."""

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from rich.console import Console

from app.feeds.from_settings import make_outlets
from app.feeds.outlets import delivering
from app.models import translation
from app.models.recognition import load_ear
from app.models.registry import Registry, choose_device, set_threads
from app.server.doors import open_doors
from app.server.feed import in_words
from app.server.microphones import Microphones
from app.server.processors import count_processors
from app.server.sessions import Engine
from app.server.stats import Stages
from app.sessions.journal import open_journal
from app.terminal.log import log_to
from engine.batching import MAX_ROWS
from engine.journal import Journal
from engine.workers import Workers

if TYPE_CHECKING:
    from app.config import Settings

logger = logging.getLogger(__name__)


def main(settings: "Settings") -> int:
    """Serve until Ctrl-C or SIGTERM; the result is the exit code.

    Raises:
        Exception: one of our own classes of errors, or an OSError, for what the user can mend.
    """
    console = Console(stderr=True, highlight=False)
    log_to(console)
    device = choose_device(settings.run.device)
    stages = Stages()
    with (
        Workers(count_workers(settings, device), waited=stages.wait.add) as workers,
        open_journal(settings) as kept,
    ):
        with console.status("Loading the models …"):
            engine = load_engine(settings, device, workers, stages)
        asyncio.run(_serve(engine, settings, kept, console))
    return 0


def count_workers(settings: "Settings", device: str) -> int:
    """As many as were asked for, or one for each processor, or as many as a GPU takes at once."""
    if settings.feed.workers is not None:
        return settings.feed.workers
    return count_processors() if device == "cpu" else MAX_ROWS


def load_engine(settings: "Settings", device: str, workers: Workers, stages: Stages) -> Engine:
    """Load what all sessions share.

    On the CPU each call gets one thread of torch: streams that are worked on at once make better
    use of the processors than one stream on all of them.

    Raises:
        RegistryError: there are no such models.
        CheckpointError: a file of them is missing, truncated, or of another model.
    """
    config = settings.run
    registry = Registry(config.models)
    load_translator = translation.plan(registry, config)
    recognizer = registry.find_recognizer(config.source_lang)
    ear = load_ear(recognizer, device, settings, workers.n_threads)
    translator = load_translator(device)
    if device == "cpu":
        set_threads(1)
    return Engine(
        translator=translator,
        make_reader=ear.listen,
        workers=workers,
        stages=stages,
        stability=settings.stability,
    )


async def _serve(
    engine: Engine, settings: "Settings", journal: Journal | None, console: Console
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_doors(
        engine, settings.feed, journal=journal, record=settings.run.record
    ) as doors:
        microphones = Microphones(
            settings.mqtt.topic, doors.sessions, idle_timeout_s=settings.feed.idle_timeout_s
        )
        outlets = make_outlets(settings, microphones.ears())
        async with delivering(outlets, doors.published.fanout):
            console.print(in_words(doors.address, settings.feed), soft_wrap=True)
            if doors.vosk_address is not None:
                console.print(f"Clients of vosk connect to ws://{doors.vosk_address}/")
            await stop.wait()
            await doors.finish()
