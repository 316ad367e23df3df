"""Options that several commands share."""

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.models.registry import DEVICES, SPEECH_TRANSLATOR, TRANSLATORS
from engine.stability import BALANCED

if TYPE_CHECKING:
    from app.config import Settings

Add = Callable[..., Any]
"""`add_argument` of a parser."""


def load_settings(arguments: argparse.Namespace, tables: Mapping[str, Sequence[str]]) -> "Settings":
    """The settings of a command line; `tables` say which options go into which table.

    Raises:
        ConfigError: a setting is unknown or out of range, or the file cannot be read.
    """
    from app import config

    given = {key: value for key, value in vars(arguments).items() if value is not None}
    chosen = {table: {k: given[k] for k in keys if k in given} for table, keys in tables.items()}
    return config.load(given.get("config"), chosen)


def add_translation_options(add: Add) -> None:
    """What is translated, by what and where."""
    add("--from", dest="source_lang", metavar="LANG", help="language spoken, or auto (en)")
    add("--to", dest="target_lang", metavar="LANG", help="language of the subtitles (de)")
    add(
        "--translator",
        choices=(*TRANSLATORS, SPEECH_TRANSLATOR),
        help=f"policy, or {SPEECH_TRANSLATOR}: the recogniser itself (fretna)",
    )
    add("--device", choices=DEVICES, help="auto takes the GPU if there is one (auto)")


def add_stability_options(add: Add) -> None:
    """How steady the subtitles are; of the table `[stability]`."""
    add(
        "--stability",
        dest="budget",
        type=read_budget,
        metavar="NE",
        help="words that may be taken back for each that stays, 0 (none) to 1, or off "
        f"({BALANCED.budget})",
    )
    add(
        "--delay",
        dest="delay_s",
        type=float,
        metavar="SECONDS",
        help="instead: as steady as this mean delay allows",
    )


def read_budget(text: str) -> float:
    """A budget of erasure as it is typed.

    Raises:
        ArgumentTypeError: it is neither a number nor `off`.
    """
    try:
        return math.inf if text == "off" else float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number, nor off") from error


def read_count(text: str) -> int:
    """A number from 1 on.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def read_column_pair(text: str) -> tuple[str, str]:
    """Two columns of a test set, source and target.

    Raises:
        ArgumentTypeError: there are more or fewer.
    """
    match text.split(","):
        case [source, target] if source and target:
            return source, target
    raise argparse.ArgumentTypeError(f"{text!r} are not two columns, such as 0,1 or en,de")


def read_result_file(text: str) -> Path:
    """Where a result is to be written, `-` for standard output: known to be possible before hours.

    Raises:
        ArgumentTypeError: it is a folder, or in none.
    """
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    return path


def add_view_options(add: Add) -> None:
    """Where captions are shown or written, and the feed."""
    add("--show", choices=("terminal", "overlay", "none"), help="overlay if there is a display")
    add("--jsonl", metavar="FILE", help="write every caption as a line of JSON; - is stdout")
    add("--detail", action="store_true", help="with the times of every committed word in --jsonl")
    add("--srt", type=Path, metavar="FILE", help="write finals as SubRip subtitles")
    add("--vtt", type=Path, metavar="FILE", help="write finals as WebVTT subtitles")
    add("--feed", dest="address", metavar="HOST:PORT", help="serve captions over WebSocket")
    add("--feed-token", dest="token", metavar="TOKEN", help="what viewers of the feed must show")
    add("--tls-cert", type=Path, metavar="FILE", help="certificate of the feed, PEM")
    add("--tls-key", type=Path, metavar="FILE", help="private key of the feed, PEM")


VIEW_OPTIONS = ("show", "jsonl", "detail", "srt", "vtt")
"""Which of them go into the table `[run]` of the settings."""

STABILITY_TABLE = {"stability": ("budget", "delay_s")}
"""Which options go into a table of their own."""

FEED_TABLE = {"feed": ("address", "token", "tls_cert", "tls_key")}
"""Which of them go into a table of their own."""


def add_outlet_options(add: Add) -> None:
    """Where captions go besides."""
    add("--mqtt", dest="url", metavar="URL", help="broker, mqtt://HOST:PORT or mqtts://…")
    add("--mqtt-topic", dest="topic", metavar="BASE", help="what topics begin with (dragoman)")
    add("--zoom", metavar="URL", help="push finals to the captions of a Zoom meeting")
    add("--youtube", metavar="URL", help="push finals to the captions of a YouTube live stream")
    add("--obs", metavar="HOST:PORT", help="push finals to the stream captions of OBS")


OUTLET_TABLES = {"mqtt": ("url", "topic"), "push": ("zoom", "youtube", "obs")}
"""Which of them go into which table of the settings."""


def add_journal_options(add: Add) -> None:
    """Where sessions are kept."""
    add("--journal", type=Path, metavar="FILE", help="where sessions are kept")
    add("--no-journal", dest="keep", action="store_false", help="do not keep them")
    add("--record", action="store_true", help="keep the sound, too, for sessions replay and rerun")
    add("--keep-days", dest="days", type=float, metavar="N", help="remove older sessions (never)")
    add(
        "--keep-mb", dest="megabytes", type=float, metavar="N", help="remove the oldest beyond N MB"
    )


JOURNAL_OPTIONS = ("journal", "keep", "record")
"""Which of them go into the table `[run]` of the settings."""

RETENTION_TABLE = {"retention": ("days", "megabytes")}
"""Which of them go into a table of their own."""


def add_file_options(add: Add) -> None:
    """Which models and settings are used."""
    add("--models", type=Path, metavar="DIR", help="folder of checkpoints (the shipped ones)")
    add("--config", type=Path, metavar="FILE", help="settings (config.toml of the user)")
