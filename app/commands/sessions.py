"""`dragoman sessions`: what earlier runs left in the journal."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands import sessions_again
from app.commands.session_names import LAST, NAME_HELP, SessionError, find

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from engine.journal import Journal

FORMATS = ("srt", "vtt", "txt", "jsonl")
SIDES = ("source", "target", "both")


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its subcommands."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--journal", type=Path, metavar="FILE", help="journal to read")
    common.add_argument("--config", type=Path, metavar="FILE", help="settings that name it")
    parser = commands.add_parser(
        "sessions", help="list, show, search, replay, remove past sessions"
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    listing = actions.add_parser("list", parents=[common], help="past sessions, oldest first")
    listing.add_argument("--all", action="store_true", help="those without a word, too")
    listing.set_defaults(main=main, action=_list)

    show = actions.add_parser("show", parents=[common], help="what was said and shown")
    show.add_argument("session", nargs="?", default=LAST, metavar="SESSION", help=NAME_HELP)
    show.set_defaults(main=main, action=_show)

    export = actions.add_parser("export", parents=[common], help="write a session's finals")
    export.add_argument("session", nargs="?", default=LAST, metavar="SESSION", help=NAME_HELP)
    export.add_argument("--format", choices=FORMATS, help="srt, or as --output ends")
    export.add_argument("--side", choices=SIDES, default="target", help="which text (target)")
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help="instead of stdout")
    export.set_defaults(main=main, action=_export)

    search = actions.add_parser("search", parents=[common], help="finals with all of these words")
    search.add_argument("words", nargs="+", metavar="WORD")
    search.set_defaults(main=main, action=_search)

    sessions_again.register(actions, common)

    remove = actions.add_parser(
        "remove", parents=[common], help="remove sessions for good, with their sound"
    )
    remove.add_argument("sessions", nargs="+", metavar="SESSION", help=NAME_HELP)
    remove.set_defaults(main=main, action=_remove)

    repair = actions.add_parser(
        "repair", parents=[common], help="make a new journal of what can be read of a damaged one"
    )
    repair.set_defaults(main=_repair)


def main(arguments: argparse.Namespace) -> int:
    """Open the journal and do what was asked for."""
    from engine.journal import Journal

    path = _journal_file(arguments)
    # Missing, it is not made; there, sessions that were cut off are marked as such.
    with Journal.open(path, read_only=not path.exists()) as journal:
        return int(arguments.action(journal, arguments))


def _journal_file(arguments: argparse.Namespace) -> Path:
    from app import config

    path: Path = arguments.journal or config.load(arguments.config, {}).run.journal_file
    return path


def _repair(arguments: argparse.Namespace) -> int:
    from app.sessions.repair import repair
    from app.terminal.text import printable

    for line in repair(_journal_file(arguments)):
        print(printable(line))
    return 0


def _remove(journal: "Journal", arguments: argparse.Namespace) -> int:
    from app.sessions.retention import remove

    records = [find(journal, name) for name in arguments.sessions]  # all of them, or none goes
    for record in records:
        if record.state == "open":
            raise SessionError(f"session {record.id} is being written; end it first")
    ids = list(dict.fromkeys(record.id for record in records))
    remove(journal, ids)
    for session in ids:
        print(f"{session}: removed")
    return 0


def _list(journal: "Journal", arguments: argparse.Namespace) -> int:
    from datetime import datetime

    from app.terminal.text import clock_time, printable

    n_silent = 0
    for record in journal.sessions():
        if not (arguments.all or record.duration_s or record.state == "open"):
            n_silent += 1
            continue
        started = datetime.fromtimestamp(record.started_at)
        print(
            f"{record.id}  {started:%Y-%m-%d %H:%M}  {clock_time(record.duration_s):>8}"
            f"  {record.source_lang} → {record.target_lang}  {record.state:<11}"
            f"  {record.n_finals:>4} segments  {printable(record.source)}"
        )
    if n_silent:
        print(f"Not listed: {n_silent} in which nothing was said (--all)", file=sys.stderr)
    return 0


def _show(journal: "Journal", arguments: argparse.Namespace) -> int:
    from app.terminal.text import clock_time, printable

    record = find(journal, arguments.session)
    for caption in journal.captions(record.id, finals_only=True):
        stamp = clock_time(caption.start_s)
        print(f"{stamp}  {printable(caption.source.full)}")
        print(f"{'':{len(stamp)}}  {printable(caption.target.full)}")
    return 0


def _export(journal: "Journal", arguments: argparse.Namespace) -> int:
    from engine.subtitles import Format, Side, SubtitleOptions

    output: Path | None = arguments.output
    form = arguments.format
    if output is not None and output.resolve() == journal.path.resolve():
        raise SessionError(f"{output}: that is the journal; name another file")
    if form is None and output is not None and output.suffix:
        form = output.suffix[1:].lower()
        if form not in FORMATS:
            raise SessionError(f"{output}: name its form with --format: {', '.join(FORMATS)}")
    record = find(journal, arguments.session)
    options = SubtitleOptions(side=Side(arguments.side))
    text = journal.export(record.id, Format(form or "srt"), options=options)
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")
    return 0


def _search(journal: "Journal", arguments: argparse.Namespace) -> int:
    from app.terminal.text import clock_time, printable

    found = journal.search(" ".join(arguments.words))
    for caption in found:
        print(f"{caption.session}  {clock_time(caption.start_s)}  {printable(caption.source.full)}")
        print(f"    {printable(caption.target.full)}")
    if not found:
        raise SessionError(f"nothing said or shown has all of: {' '.join(arguments.words)}")
    return 0
