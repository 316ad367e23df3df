"""`dragoman follow`: the captions of a feed in this terminal."""

import argparse
import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from app.feeds.follow import FollowConfig

_DESCRIPTION = """\
Show the captions of `dragoman serve` or `dragoman run --feed` in this terminal. A connection that
is lost is made again, and every final comes once. Ctrl-C ends it."""


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options."""
    parser = commands.add_parser(
        "follow", help="captions of a feed in this terminal", description=_DESCRIPTION
    )
    parser.set_defaults(main=main)
    add = parser.add_argument
    add("url", metavar="URL", help="such as ws://localhost:8765/captions")
    add("--token", metavar="TOKEN", help="what the server asks for")
    add("--session", metavar="NAME", help="captions of this session only")
    add("--lang", action="append", default=[], metavar="LANG", help="from or into this language")
    add("--reading", action="store_true", help="committed text only; no word is taken back")
    add("--once", action="store_true", help="end when the server does")
    add("--detail", action="store_true", help="with the times of every committed word in --jsonl")
    add("--jsonl", action="store_true", help="every caption as a line of JSON on standard output")


def main(arguments: argparse.Namespace) -> int:
    """Follow until Ctrl-C."""
    from app.feeds.follow import FollowConfig

    config = FollowConfig(
        url=arguments.url,
        token=arguments.token,
        session=arguments.session,
        langs=tuple(arguments.lang),
        reading=arguments.reading,
        detail=arguments.detail,
        once=arguments.once,
    )
    with contextlib.suppress(KeyboardInterrupt):  # the usual way to leave
        asyncio.run(_print(config) if arguments.jsonl else _show(config))
    return 0


async def _print(config: "FollowConfig") -> None:
    from app.feeds.follow import follow

    async for caption in follow(config):
        print(caption.to_json(detail=config.detail), flush=True)


async def _show(config: "FollowConfig") -> None:
    from rich.console import Console

    from app.feeds.follow import follow
    from app.terminal.log import log_to
    from app.terminal.view import TerminalView

    console = Console(highlight=False)
    log_to(Console(stderr=True, highlight=False))
    with TerminalView(console) as view:
        async for caption in follow(config):
            view.show(caption)
            view.refresh(caption.end_s)
