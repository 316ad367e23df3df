"""`dragoman run`: subtitles for a file, the microphone or live text."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.options import (
    OUTLET_TABLES,
    add_file_options,
    add_journal_options,
    add_outlet_options,
    add_translation_options,
)
from app.commands.policy import POLICY_OPTIONS, add_policy_options
from app.registry import BACKENDS
from engine.recognizer_config import PRESETS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_DESCRIPTION = """\
Show subtitles while SOURCE is spoken or typed. Settings that are not given here are taken from
the configuration file. Ctrl-C finishes the last segment and saves everything; a second Ctrl-C
quits at once."""


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options; one that is not given stays out of the result."""
    parser = commands.add_parser(
        "run",
        help="subtitles for a file, the microphone or live text",
        description=_DESCRIPTION,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(main=main)
    add = parser.add_argument
    add("source", metavar="SOURCE", help="audio or video file, URL, `mic`, or `-` for stdin")
    add_translation_options(add)
    add_policy_options(parser)
    add(
        "--stability",
        dest="budget",
        type=float,
        metavar="NE",
        help="words that may be taken back for each that stays, 0 (none) to 1",
    )
    add(
        "--delay",
        dest="delay_s",
        type=float,
        metavar="SECONDS",
        help="instead: as steady as this mean delay allows",
    )
    add("--backend", choices=BACKENDS, help="of the recogniser; auto takes an exported one (auto)")
    add("--preset", choices=tuple(PRESETS), help="words early, or right (balanced)")
    add("--hot-words", type=Path, metavar="FILE", help="names and terms to expect, one a line")
    add("--pace", choices=("real", "fast"), help="files in real time or as fast as possible (real)")
    add(
        "--input-format",
        choices=("text", "json", "s16le", "s32le", "f32le"),
        help="what stdin carries: text, revised text as lines of JSON, or raw samples (text)",
    )
    add("--rate", dest="rate_hz", type=int, metavar="HZ", help="of raw samples (16000)")
    add("--channels", type=int, metavar="N", help="of raw samples (1)")
    add("--show", choices=("terminal", "overlay", "none"), help="overlay if there is a display")
    add("--jsonl", metavar="FILE", help="write every caption as a line of JSON; - is stdout")
    add("--detail", action="store_true", help="with the times of every committed word in --jsonl")
    add("--srt", type=Path, metavar="FILE", help="write finals as SubRip subtitles")
    add("--vtt", type=Path, metavar="FILE", help="write finals as WebVTT subtitles")
    add("--feed", dest="address", metavar="HOST:PORT", help="serve captions over WebSocket")
    add("--feed-token", dest="token", metavar="TOKEN", help="what viewers of the feed must show")
    add("--tls-cert", type=Path, metavar="FILE", help="certificate of the feed, PEM")
    add("--tls-key", type=Path, metavar="FILE", help="private key of the feed, PEM")
    add_outlet_options(add)
    add_journal_options(add)
    add_file_options(add)


def main(arguments: argparse.Namespace) -> int:
    """Run until the source ends or the user ends it."""
    from app import config, run

    given = vars(arguments)
    settings = config.load(
        given.get("config"),
        {table: {k: given[k] for k in keys if k in given} for table, keys in _TABLES.items()},
    )
    return run.main(arguments.source, settings)


_TABLES = {
    "run": (
        "source_lang",
        "target_lang",
        "translator",
        *POLICY_OPTIONS,
        "device",
        "backend",
        "preset",
        "hot_words",
        "pace",
        "input_format",
        "rate_hz",
        "channels",
        "show",
        "jsonl",
        "detail",
        "srt",
        "vtt",
        "journal",
        "keep",
        "models",
    ),
    "stability": ("budget", "delay_s"),
    **OUTLET_TABLES,
    "feed": ("address", "token", "tls_cert", "tls_key"),
}
"""Which options go into which table of the settings."""
