"""`dragoman overlay`: the band of subtitles as a program of its own."""

import argparse
from typing import TYPE_CHECKING

from app.commands.options import add_file_options, add_translation_options

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
    add("--feed", dest="address", metavar="HOST:PORT", help="serve captions over WebSocket, too")
    add("--feed-token", metavar="TOKEN", help="what viewers of that must show")
    add_translation_options(add)
    add_file_options(add)


def main(arguments: argparse.Namespace) -> int:
    """Show the band until the user closes it."""
    from app import config
    from app.overlay import program

    given = vars(arguments)
    keys = ("source_lang", "target_lang", "translator", "device", "models")
    chosen = {key: given[key] for key in keys if key in given}
    feed = {"address": given.get("address"), "token": given.get("feed_token")}
    served = {key: value for key, value in feed.items() if value is not None}
    settings = config.load(given.get("config"), {"run": chosen, "feed": served})
    if "connect" in given:
        return program.run_remote(settings, given["connect"], given.get("token"))
    return program.run_local(settings, source=given.get("source"), explicit=chosen)
