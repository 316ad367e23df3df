"""`dragoman bench`: what the translators cost, and how many streams a server holds."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.options import read_column_pair, read_count, read_result_file

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from app.bench.systems import Pair

_DESCRIPTION = """\
Measure the computation of every translator, in the same eager code and on its best engine, and
write JSON, Markdown and plots. Run it on a machine that does nothing else."""


_PARTS = ("ratios", "speed", "costs", "quality")
_RATIO_ROUNDS = 5

_SERVE = """\
Send paced streams of speech through a server of its own, with the shipped models, and print how
late the captions came and where the time went. A machine holds so many streams as have 95 % of
their captions within 2 s of the sound, none of them lost. Run it on a machine that does nothing
else."""


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its subcommand."""
    parser = commands.add_parser("bench", help="measure the models, and a server under load")
    actions = parser.add_subparsers(title="actions", required=True, metavar="WHAT")
    translate = actions.add_parser(
        "translate", help="computation per update", description=_DESCRIPTION
    )
    add = translate.add_argument
    add("--quick", action="store_true", help="the ratios alone, in 45 s")
    add("--json", type=read_result_file, metavar="FILE", help="write JSON there, `-` for stdout")
    add("--out", type=Path, metavar="DIR", help="of the report (docs/benchmarks)")
    add(
        "--only",
        choices=_PARTS,
        help="a part of it; the report has what there is",
    )
    add("--minutes", type=float, default=9.0, metavar="M", help="for the tables of speed (9)")
    add(
        "--rounds",
        type=read_count,
        default=10,
        metavar="N",
        help="sentences per case, at most (10)",
    )
    add("--text", type=Path, metavar="FILE", help="words to translate (the demo's)")
    add("--set", type=Path, metavar="FILE.tsv[.gz]", help="test set for figures of quality")
    add("--columns", type=read_column_pair, default="0,1", metavar="SOURCE,TARGET")
    add("--limit", type=read_count, metavar="N", help="only the first N of the test set")
    add("--sample", type=read_count, default=60, metavar="N", help="sentences of the curves (60)")
    add("--from", dest="source_lang", default="en", metavar="LANG")
    add("--to", dest="target_lang", default="de", metavar="LANG")
    add("--models", type=Path, metavar="DIR", help="instead of the shipped ones")
    translate.set_defaults(main=_translate)

    serve = actions.add_parser("serve", help="live streams at once", description=_SERVE)
    serve.set_defaults(main=_serve)
    add = serve.add_argument
    add(
        "--streams",
        type=read_count,
        nargs="+",
        metavar="N",
        help="these numbers; without, the most",
    )
    add("--seconds", type=float, default=60.0, metavar="S", help="that the streams speak (60)")
    add("--sound", type=Path, metavar="FILE", help="speech that they say (the demo)")
    add("--json", type=read_result_file, metavar="FILE", help="write JSON there, `-` for stdout")
    add("serve_options", nargs="*", metavar="-- OPTION", help="of `dragoman serve`, behind `--`")


def _serve(arguments: argparse.Namespace) -> int:
    from app.bench.serve import LoadTest, find_capacity, machine
    from app.bench.serve_report import print_report
    from app.models.registry import ASSETS
    from app.sources.decoding import SoundFile
    from engine.audio import SAMPLE_RATE_HZ

    with SoundFile(arguments.sound or ASSETS / "demo.opus") as file:
        sound = file.read(round(arguments.seconds * SAMPLE_RATE_HZ) + 60 * SAMPLE_RATE_HZ)
    test = LoadTest(sound=sound, seconds=arguments.seconds, options=arguments.serve_options)
    runs: list[dict[str, Any]] = []

    def measure(n_streams: int) -> dict[str, Any]:
        runs.append(test.run(n_streams))
        return runs[-1]

    capacity = None
    if arguments.streams:
        for n_streams in arguments.streams:
            measure(n_streams)
    else:
        capacity = find_capacity(measure, lambda what: print(f"{what} …", file=sys.stderr))
    result = {
        "machine": machine(),
        "seconds": arguments.seconds,
        "serve_options": arguments.serve_options,
        "capacity": capacity,
        "runs": runs,
    }
    print_report(result, arguments.json)
    return 0


def _translate(arguments: argparse.Namespace) -> int:
    from app.bench.speed import run_quick
    from app.bench.systems import Pair
    from app.evaluation.columns import EvaluationError
    from app.models.registry import ASSETS, Registry

    if arguments.only in ("costs", "quality") and arguments.set is None:
        raise EvaluationError(f"--only {arguments.only} needs a test set: --set FILE.tsv")
    text: Path = arguments.text or ASSETS / "demo.en.txt"
    words = text.read_text(encoding="utf-8").split()
    if not words:
        raise EvaluationError(f"{text}: has no words")
    pair = Pair(
        registry=Registry(arguments.models),
        source_lang=arguments.source_lang,
        target_lang=arguments.target_lang,
    )
    result = run_quick(pair, words) if arguments.quick else _measure(pair, words, arguments)
    text_result = json.dumps(result, indent=2)
    if arguments.json is not None and str(arguments.json) != "-":
        arguments.json.write_text(text_result + "\n", encoding="utf-8")
    elif arguments.json is not None or arguments.quick:
        print(text_result)
    return 0


def _measure(pair: "Pair", words: list[str], arguments: argparse.Namespace) -> dict[str, Any]:
    """The parts that were asked for, kept in the folder of the report, which is written anew."""
    from app.bench import quality, report, speed
    from app.evaluation.columns import read_columns
    from app.terminal.report import progress_bar

    out, test_set = arguments.out or Path("docs/benchmarks"), arguments.set
    parts = (arguments.only,) if arguments.only else _PARTS
    pairs = None
    if test_set is not None:
        pairs = read_columns(test_set, arguments.columns, arguments.limit)
    result: dict[str, Any] = {}
    if "ratios" in parts:
        with progress_bar("measuring ratios") as progress:
            result["ratios"] = speed.measure_ratios(
                pair, words, n_rounds=min(arguments.rounds, _RATIO_ROUNDS), progress=progress
            )
        report.save_ratios(out, result["ratios"])
    if "speed" in parts:
        with progress_bar("measuring speed") as progress:
            result["speed"] = speed.measure_speed(
                pair,
                words,
                n_rounds=arguments.rounds,
                minutes=arguments.minutes,
                progress=progress,
            )
        report.save_speed(out, result["speed"])
    if pairs is not None and "costs" in parts:
        with progress_bar("measuring operating points") as progress:
            result["costs"] = quality.measure_costs(pair, pairs, progress=progress)
        report.save_costs(out, test_set, result["costs"])
    if pairs is not None and "quality" in parts:
        with progress_bar("measuring quality") as progress:
            result["quality"] = quality.measure_quality(
                pair, pairs, n_sample=arguments.sample, progress=progress
            )
        report.save_quality(out, test_set, result["quality"])
    report.write_report(out)
    return result
