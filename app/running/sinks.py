"""The files of captions that a command line asks for."""

from pathlib import Path

from app.feeds.files import CaptionSink, JsonLines, OutputError, StandardOutput, Subtitles
from app.running.config import RunConfig
from engine.subtitles import Format

_STANDARD_OUTPUT = "-"


def open_sinks(config: RunConfig, source: str | None = None) -> list[CaptionSink]:
    """Make the files that were asked for.

    Args:
        config: names them.
        source: what is read, as on the command line.

    Raises:
        OutputError: one cannot be made, or would be written over what is read or written besides;
            nothing is touched then.
    """
    wanted = {"--srt": config.srt, "--vtt": config.vtt}
    if config.jsonl is not None and config.jsonl != _STANDARD_OUTPUT:
        wanted["--jsonl"] = Path(config.jsonl)
    others = {
        "the source": source and Path(source),
        "the journal": config.journal_file,
        "the file of --hot-words": config.hot_words,
    }
    _refuse_same_files(
        {option: path for option, path in wanted.items() if path},
        {name: path for name, path in others.items() if path},
    )
    sinks: list[CaptionSink] = []
    if config.jsonl == _STANDARD_OUTPUT:
        sinks.append(StandardOutput(detail=config.detail))
    elif config.jsonl is not None:
        sinks.append(JsonLines(Path(config.jsonl), detail=config.detail))
    if config.srt is not None:
        sinks.append(Subtitles(config.srt, Format.SRT))
    if config.vtt is not None:
        sinks.append(Subtitles(config.vtt, Format.VTT))
    return sinks


def _refuse_same_files(wanted: dict[str, Path], others: dict[str, Path]) -> None:
    taken = {path.resolve(): name for name, path in others.items()}
    for option, path in wanted.items():
        if path.exists() and not path.is_file():
            continue  # /dev/null, or a pipe
        if name := taken.get(path.resolve()):
            raise OutputError(f"{option} {path}: that is {name}; name another file")
        taken[path.resolve()] = f"the file of {option}"
