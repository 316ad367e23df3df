"""SOURCE on the command line, made into the input of a job."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from app.models.recognition import load_stream
from app.models.registry import SPEECH_TRANSLATOR, Model, Registry
from app.running.job import Input, LiveClock
from app.sources.audio_system import find_audio_system
from app.sources.decoding import SoundFile, is_url
from app.sources.devices import find_device
from app.sources.errors import SourceError
from app.sources.files import Pace, read_file
from app.sources.microphone import read_microphone
from app.sources.raw import SampleFormat, read_raw
from app.sources.text import read_text
from engine.audio import AudioChunk
from engine.limits import Limits
from engine.live_text import LiveText
from engine.multilingual import ANY_LANGUAGE
from engine.pace import SourceClock
from engine.revised_text import RevisedText
from engine.source import SourceReader

if TYPE_CHECKING:
    from app.config import Settings
    from app.running.config import RunConfig

STANDARD_INPUT = "-"
MICROPHONE = "mic"

_STEP_S = {"real": 0.1, "fast": 0.4}  # of a file's chunks; each of them costs some overhead

Loader = Callable[[str], Input[Any]]
"""Loads what an input needs onto a device, which may take seconds."""


def plan(
    source: str,
    settings: "Settings",
    registry: Registry,
    *,
    on_lost: Callable[[str], None] = lambda reason: None,
    on_found: Callable[[], None] = lambda: None,
) -> Loader:
    """Check a SOURCE, before anything slow is done for it.

    Args:
        source: `-`, `mic`, `mic:` with the number or a part of the name of a device, a URL, a file.
        settings: of the run.
        registry: where the recogniser is found.
        on_lost: told, with the reason, when a microphone stops delivering.
        on_found: told when it is open again.

    Raises:
        SourceError: there is no such file or device, or it has no sound.
        RegistryError: there is no recogniser for the language.
    """
    lang = settings.run.source_lang
    if source == STANDARD_INPUT:
        if settings.run.input_format in get_args(SampleFormat):
            model = registry.find_recognizer(lang)
            return lambda device: _raw(model, device, settings)
        _check_text(settings.run)
        if settings.run.input_format == "json":
            return lambda device: _text(RevisedText, lang)
        shown_here = settings.run.show in (None, "terminal") and sys.stderr.isatty()
        by_key = shown_here and is_typed(source)
        return lambda device: _text(LiveText, lang, by_key=by_key)
    model = registry.find_recognizer(lang)
    if is_microphone(source):
        wanted = source.partition(":")[2] or None
        found = find_device(wanted, find_audio_system().devices())

        def listen() -> AsyncIterator[AudioChunk]:
            return read_microphone(wanted, on_lost=on_lost, on_found=on_found)

        return lambda device: _microphone(listen, found.name, model, device, settings)
    if is_url(source):
        return lambda device: _url(source, model, device, settings)
    path = Path(source)
    with SoundFile(path) as file:
        duration_s = file.duration_s
    return lambda device: _file(path, duration_s, model, device, settings)


def _check_text(run: "RunConfig") -> None:
    if run.source_lang == ANY_LANGUAGE:
        raise SourceError("the language of text is not found out: name it with --from")
    if run.translator == SPEECH_TRANSLATOR:
        raise SourceError(f"--translator {SPEECH_TRANSLATOR} translates speech, not text")


def is_typed(source: str) -> bool:
    """Whether the source is a person at the terminal that captions may be shown in."""
    return source == STANDARD_INPUT and sys.stdin is not None and sys.stdin.isatty()


def is_microphone(source: str) -> bool:
    """Whether the source is a device, which may be unplugged and come back."""
    return source.partition(":")[0] == MICROPHONE


def _text(
    reader: type[LiveText] | type[RevisedText], lang: str, *, by_key: bool = False
) -> Input[str]:
    clock = LiveClock()
    return Input(
        name="text on standard input",
        open=lambda: read_text(by_key=by_key),
        reader=reader(lang, clock),
        clock=clock,
        end_s=lambda _: clock(),
        limits=Limits(),
        advice="type or pipe in some text",
    )


def _microphone(
    listen: Callable[[], AsyncIterator[AudioChunk]],
    name: str,
    model: Model,
    device: str,
    settings: "Settings",
) -> Input[AudioChunk]:
    return Input(
        name=name,
        open=listen,
        reader=load_stream(model, device, settings),
        clock=LiveClock(),
        end_s=_end_s,
        limits=Limits(drop_items=True),
        own_clock=True,
        endless=True,
    )


def _raw(model: Model, device: str, settings: "Settings") -> Input[AudioChunk]:
    config = settings.run
    sample_format = cast(SampleFormat, config.input_format)
    reader, clock = _paced(load_stream(model, device, settings), config.pace)
    return Input(
        name="sound on standard input",
        open=lambda: read_raw(
            sample_format,
            rate_hz=config.rate_hz,
            n_channels=config.channels,
            pace=config.pace,
            step_s=_STEP_S[config.pace],
        ),
        reader=reader,
        clock=clock,
        end_s=_end_s,
        limits=Limits(conflate=config.pace == "real"),
        advice=f"no speech in {settings.run.source_lang!r} was heard; do the format and rate fit?",
    )


def _url(url: str, model: Model, device: str, settings: "Settings") -> Input[AudioChunk]:
    return Input(
        name=url,
        open=lambda: read_file(url, pace="real"),
        reader=load_stream(model, device, settings),
        clock=LiveClock(),
        end_s=_end_s,
        limits=Limits(),
        own_clock=True,
        advice=f"no speech in {settings.run.source_lang!r} was heard; is it the right address?",
    )


def _file(
    path: Path, duration_s: float | None, model: Model, device: str, settings: "Settings"
) -> Input[AudioChunk]:
    pace = settings.run.pace
    reader, clock = _paced(load_stream(model, device, settings), pace)
    return Input(
        name=path.name,
        open=lambda: read_file(path, pace=pace, step_s=_STEP_S[pace]),
        reader=reader,
        clock=clock,
        end_s=_end_s,
        # As fast as possible, nothing is late: every prefix is translated, the same in every run.
        limits=Limits(conflate=pace == "real"),
        duration_s=duration_s,
        advice=f"no speech in {settings.run.source_lang!r} was heard; is it the right file?",
    )


def _paced(
    reader: SourceReader[AudioChunk], pace: Pace
) -> tuple[SourceReader[AudioChunk], Callable[[], float]]:
    """The reader and the clock of a source that could be read faster than it was spoken."""
    if pace == "real":
        return reader, LiveClock()
    clock = SourceClock(reader, _end_s)
    return clock, clock


def _end_s(chunk: AudioChunk) -> float:
    return chunk.end_s
