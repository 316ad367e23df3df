"""The command `dragoman`.

Exit codes: 0 done; 2 something the user can mend, said in one line on standard error; 130 and 143
after Ctrl-C and SIGTERM where work was cut short; 1 a bug, with a traceback.
"""

import argparse
import io
import logging
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from app.commands import (
    bench,
    devices,
    evaluate,
    export,
    follow,
    models,
    overlay,
    run,
    serve,
    sessions,
    train,
)
from app.errors import describe, is_expected, unwrapped

EXIT_USAGE = 2
EXIT_INTERRUPTED = 128 + signal.SIGINT

_logger = logging.getLogger(__name__)


class _Version(argparse.Action):
    """Prints the version; looks it up only then, since that takes a while."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print and end."""
        from importlib import metadata

        print(f"dragoman {metadata.version('dragoman')}")
        parser.exit()


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong; argparse puts the whole usage above it."""

    def error(self, message: str) -> NoReturn:
        """End with the exit code of a mistake."""
        self.exit(EXIT_USAGE, f"dragoman: error: {message} ({self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; the result is the exit code."""
    _write_every_character()
    arguments = parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else logging.WARNING,
        format="dragoman: %(levelname)s: %(message)s",
    )
    try:
        code: int = arguments.main(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        from app.feeds.files import silence_standard_output

        silence_standard_output()
        return 0
    except Exception as error:
        if _was_interrupted(error):
            return EXIT_INTERRUPTED
        expected = unwrapped(error)
        if not is_expected(expected):
            raise
        _logger.info("the error in full", exc_info=error)
        print(f"dragoman: error: {describe(expected)}", file=sys.stderr)
        return EXIT_USAGE
    return code


def _write_every_character() -> None:
    """Write what standard output's encoding lacks as Python does to standard error: escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _was_interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C came while an extension module was loaded, which makes another error of it."""
    cause = error.__cause__
    return isinstance(error, ImportError) and isinstance(cause, KeyboardInterrupt)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(
        prog="dragoman",
        description="Live speech or live text in one language becomes subtitles in another "
        "while it is being spoken.",
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    top.add_argument("-v", "--verbose", action="store_true", help="say more on standard error")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    commands_of_use = (run, overlay, serve, follow, devices, sessions)
    for command in (*commands_of_use, models, train, evaluate, bench, export):
        command.register(commands)
    return top
