"""`dragoman devices`: the inputs that `dragoman run mic:NAME` can listen to."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options."""
    parser = commands.add_parser(
        "devices",
        help="list microphones and monitors, with how loud they are",
        description="List the inputs of this computer; at a terminal with their levels, until "
        "Ctrl-C.",
    )
    parser.set_defaults(main=main)
    parser.add_argument("--once", action="store_true", help="list them without levels, and end")


def main(arguments: argparse.Namespace) -> int:
    """Show the list."""
    from rich.console import Console

    from app.sources.audio_system import find_audio_system
    from app.sources.levels import show_devices

    console = Console(highlight=False)
    show_devices(console, find_audio_system(), live=console.is_terminal and not arguments.once)
    return 0
