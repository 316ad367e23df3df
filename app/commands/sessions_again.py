"""`dragoman sessions replay` and `rerun`: past sessions once more."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.options import (
    FEED_TABLE,
    OUTLET_TABLES,
    STABILITY_TABLE,
    VIEW_OPTIONS,
    add_outlet_options,
    add_stability_options,
    add_view_options,
    load_settings,
    read_result_file,
)
from app.commands.policy import POLICY_OPTIONS, add_policy_options
from app.commands.session_names import LAST, NAME_HELP, find
from app.models.registry import BACKENDS, DEVICES, TRANSLATORS
from engine.recognizer_config import PRESETS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_REPLAY = """\
Give the captions of a past session out again, at the pace at which they came or another, to
whatever `dragoman run` gives captions to."""

_RERUN = """\
Translate a past session once more and show both translations side by side. The sound is heard
again where the session was recorded (`run --record`); otherwise the source text is taken as it was
recognised. Computing time does not count, so the delays are those of an infinitely fast machine."""


def register(
    actions: "_SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Declare both."""
    replay = actions.add_parser(
        "replay",
        parents=[common],
        help="give a session out again",
        description=_REPLAY,
        argument_default=argparse.SUPPRESS,
    )
    replay.set_defaults(main=_replay)
    replay.add_argument("session", nargs="?", default=LAST, metavar="SESSION", help=NAME_HELP)
    replay.add_argument("--pace", default="real", metavar="PACE", help="real, fast, or 2, 0.5 …")
    add_view_options(replay.add_argument)
    add_outlet_options(replay.add_argument)

    rerun = actions.add_parser(
        "rerun",
        parents=[common],
        help="translate a session once more and compare",
        description=_RERUN,
        argument_default=argparse.SUPPRESS,
    )
    rerun.set_defaults(main=_rerun)
    add = rerun.add_argument
    add("session", nargs="?", default=LAST, metavar="SESSION", help=NAME_HELP)
    add("--translator", choices=TRANSLATORS, help="policy (fretna)")
    add_policy_options(rerun)
    add_stability_options(add)
    add("--device", choices=DEVICES, help="auto takes the GPU if there is one (auto)")
    add("--backend", choices=BACKENDS, help="what runs the models (auto)")
    add("--preset", choices=tuple(PRESETS), help="of the recogniser (balanced)")
    add("--models", type=Path, metavar="DIR", help="folder of checkpoints (the shipped ones)")
    add("--text", action="store_true", default=False, help="leave the recorded sound aside")
    add(
        "--json",
        type=read_result_file,
        default=None,
        metavar="FILE",
        help="write JSON, `-` for stdout",
    )


def _replay(arguments: argparse.Namespace) -> int:
    from app.running import replay
    from engine.journal import Journal

    pace = replay.parse_pace(arguments.pace)
    settings = load_settings(arguments, _REPLAY_TABLES)
    with Journal.open(settings.run.journal_file, read_only=True) as journal:
        session = find(journal, arguments.session).id
        captions = journal.captions(session)
    return replay.main(session, captions, pace, settings)


def _rerun(arguments: argparse.Namespace) -> int:
    from app.evaluation.translation import system_name
    from app.sessions.comparison import compare
    from app.sessions.rerun import find_sound, rerun_all
    from engine.journal import Journal

    settings = load_settings(arguments, _RERUN_TABLES)
    file = settings.run.journal_file
    with Journal.open(file, read_only=True) as journal:
        record = find(journal, arguments.session)
        before = journal.captions(record.id)
    sound = None if arguments.text else find_sound(file, record.id)
    now = rerun_all(record, before, settings, sound)
    names = (
        f"then: {record.translator or '?'}",
        f"now: {system_name(settings.run.translator, settings.run)}",
    )
    result = {
        "session": record.id,
        "heard": "the recorded sound" if sound else "the text of the journal",
        **compare(dict(zip(names, (before, now), strict=True))),
    }
    _print(result, arguments.json)
    return 0


def _print(result: dict[str, Any], path: Path | None) -> None:
    from app.terminal.report import write_json
    from app.terminal.text import clock_time, printable

    if write_json(result, path):
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    names = [run["system"] for run in result["runs"]]
    table = Table("", "heard", *names, show_lines=True)
    for row in result["rows"]:
        texts = (row["source"], row["before"], row["now"])
        table.add_row(clock_time(row["start_s"]), *(Text(printable(text)) for text in texts))
    for key, name, form in (
        ("n_words", "words", "d"),
        ("normalized_erasure", "NE", ".2f"),
        ("delay_s", "delay of a word, s", ".2f"),
    ):
        values = [run[key] for run in result["runs"]]
        table.add_row("", name, *("–" if v is None else format(v, form) for v in values))
    score = result["bleu_against_the_first"]
    table.add_row("", "BLEU against the first", "", "–" if score is None else f"{score:.1f}")
    console = Console(highlight=False)
    console.print(table)
    console.print(f"session {result['session']}, from {result['heard']}", soft_wrap=True)


_REPLAY_TABLES = {"run": ("journal", *VIEW_OPTIONS), **FEED_TABLE, **OUTLET_TABLES}
_RERUN_TABLES = {
    "run": ("journal", "translator", *POLICY_OPTIONS, "device", "backend", "preset", "models"),
    **STABILITY_TABLE,
}
