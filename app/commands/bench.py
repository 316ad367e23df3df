"""`dragoman bench`: what the translators cost, side by side."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_DESCRIPTION = """\
Measure the computation of every translator, in the same eager code and on its best engine, and
write JSON, Markdown and plots. Run it on a machine that does nothing else."""


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its subcommand."""
    parser = commands.add_parser("bench", help="measure what the translators cost")
    actions = parser.add_subparsers(title="actions", required=True, metavar="WHAT")
    translate = actions.add_parser(
        "translate", help="computation per update", description=_DESCRIPTION
    )
    add = translate.add_argument
    add("--quick", action="store_true", help="the ratios alone, in 45 s")
    add("--json", type=Path, metavar="FILE", help="write JSON there, `-` for stdout")
    add("--out", type=Path, metavar="DIR", help="of the report (docs/benchmarks)")
    add("--rounds", type=int, default=10, metavar="N", help="sentences per case (10)")
    add("--text", type=Path, metavar="FILE", help="words to translate (the demo's)")
    add("--set", type=Path, metavar="FILE.tsv[.gz]", help="test set of the quality curves")
    add("--columns", default="0,1", metavar="SOURCE,TARGET")
    add("--limit", type=int, metavar="N", help="only the first N of the test set")
    add("--from", dest="source_lang", default="en", metavar="LANG")
    add("--to", dest="target_lang", default="de", metavar="LANG")
    add("--models", type=Path, metavar="DIR", help="instead of the shipped ones")
    translate.set_defaults(main=_translate)


def _translate(arguments: argparse.Namespace) -> int:
    from app.bench import run
    from app.bench.systems import Pair
    from app.evaluate import EvaluationError, read_columns
    from app.registry import ASSETS, Registry
    from app.report import progress_bar

    if arguments.rounds < 1:
        raise EvaluationError(f"--rounds is {arguments.rounds}, must be at least 1")
    text: Path = arguments.text or ASSETS / "demo.en.txt"
    words = text.read_text(encoding="utf-8").split()
    if not words:
        raise EvaluationError(f"{text}: has no words")
    pair = Pair(
        registry=Registry(arguments.models),
        source_lang=arguments.source_lang,
        target_lang=arguments.target_lang,
    )
    if arguments.quick:
        result = run.run_quick(pair, words)
    else:
        pairs = None
        if arguments.set is not None:
            pairs = read_columns(arguments.set, arguments.columns.split(","), arguments.limit)
        with progress_bar("measuring") as progress:
            result, tables = run.run_full(pair, words, n_rounds=arguments.rounds, progress=progress)
        if pairs is not None:
            with progress_bar("evaluating") as progress:
                result["curves"] = run.measure_curves(pair, pairs, progress)
        run.write(arguments.out or Path("docs/benchmarks"), result, tables)
    text_result = json.dumps(result, indent=2)
    if arguments.json is not None and str(arguments.json) != "-":
        arguments.json.write_text(text_result + "\n", encoding="utf-8")
    elif arguments.json is not None or arguments.quick:
        print(text_result)
    return 0
