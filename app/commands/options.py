"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.registry import DEVICES, TRANSLATORS

Add = Callable[..., Any]
"""`add_argument` of a parser."""


def add_translation_options(add: Add) -> None:
    """What is translated, by what and where."""
    add("--from", dest="source_lang", metavar="LANG", help="language spoken (en)")
    add("--to", dest="target_lang", metavar="LANG", help="language of the subtitles (de)")
    add("--translator", choices=TRANSLATORS, help="policy (reta)")
    add("--device", choices=DEVICES, help="auto takes the GPU if there is one (auto)")


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


def add_file_options(add: Add) -> None:
    """Which models and settings are used."""
    add("--models", type=Path, metavar="DIR", help="folder of checkpoints (the shipped ones)")
    add("--config", type=Path, metavar="FILE", help="settings (config.toml of the user)")
