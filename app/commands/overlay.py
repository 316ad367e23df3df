"""`dragoman overlay`: the band of subtitles as a program of its own."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.registry import DEVICES, TRANSLATORS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_DESCRIPTION = """\
Show subtitles over whatever is on the screen: of what this computer hears, translated here, or of
a feed that another Dragoman serves. What to listen to, languages and everything else can be
changed in the menu of the tray icon or of the band (right click)."""


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options; one that is not given stays out of the result."""
    parser = commands.add_parser(
        "overlay",
        help="the band of subtitles, with a menu for everything; or of a feed",
        description=_DESCRIPTION,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(main=main)
    add = parser.add_argument
    add("--connect", metavar="URL", help="show a feed (ws://HOST:PORT/) instead of listening here")
    add("--token", metavar="TOKEN", help="what that feed asks for")
    add("--source", metavar="SOURCE", help="`mic`, `mic:NAME` or a file (what was chosen last)")
    add("--from", dest="source_lang", metavar="LANG", help="language spoken (en)")
    add("--to", dest="target_lang", metavar="LANG", help="language of the subtitles (de)")
    add("--translator", choices=TRANSLATORS, help="policy (reta)")
    add("--device", choices=DEVICES, help="auto takes the GPU if there is one (auto)")
    add("--models", type=Path, metavar="DIR", help="folder of checkpoints (the shipped ones)")
    add("--config", type=Path, metavar="FILE", help="settings (config.toml of the user)")


def main(arguments: argparse.Namespace) -> int:
    """Show the band until the user closes it."""
    from app import config, overlay

    given = vars(arguments)
    keys = ("source_lang", "target_lang", "translator", "device", "models")
    chosen = {key: given[key] for key in keys if key in given}
    settings = config.load(given.get("config"), {"run": chosen})
    if "connect" in given:
        return overlay.run_remote(settings, given["connect"], given.get("token"))
    return overlay.run_local(settings, source=given.get("source"), explicit=chosen)
