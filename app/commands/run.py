"""`dragoman run`: subtitles for a file, the microphone or live text."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.options import (
    FEED_TABLE,
    JOURNAL_OPTIONS,
    OUTLET_TABLES,
    RETENTION_TABLE,
    STABILITY_TABLE,
    VIEW_OPTIONS,
    add_file_options,
    add_journal_options,
    add_outlet_options,
    add_stability_options,
    add_translation_options,
    add_view_options,
    load_settings,
)
from app.commands.policy import POLICY_OPTIONS, add_policy_options
from app.models.registry import BACKENDS
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
    add_stability_options(add)
    add("--backend", choices=BACKENDS, help="what runs the models; on a CPU exports (auto)")
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
    add_view_options(add)
    add_outlet_options(add)
    add_journal_options(add)
    add_file_options(add)


def main(arguments: argparse.Namespace) -> int:
    """Run until the source ends or the user ends it."""
    from app.running import run

    return run.main(arguments.source, load_settings(arguments, _TABLES))


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
        *VIEW_OPTIONS,
        *JOURNAL_OPTIONS,
        "models",
    ),
    **STABILITY_TABLE,
    **OUTLET_TABLES,
    **RETENTION_TABLE,
    **FEED_TABLE,
}
"""Which options go into which table of the settings."""
