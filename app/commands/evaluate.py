"""`dragoman evaluate`: quality, delay, stability and cost of the models on a test set."""

import argparse
import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands import evaluate_recognition
from app.commands.options import read_budget, read_column_pair, read_count, read_result_file
from app.commands.policy import add_policy_options, read_policy
from app.models.registry import BACKENDS, DEVICES, TRANSLATORS
from app.terminal.report import print_result, progress_bar

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its subcommands."""
    parser = commands.add_parser("evaluate", help="measure the models on a test set")
    actions = parser.add_subparsers(title="actions", required=True, metavar="WHAT")

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--device", choices=DEVICES, default="cpu")
    common.add_argument(
        "--threads", type=read_count, default=1, metavar="N", help="of one network (1)"
    )
    common.add_argument("--models", type=Path, metavar="DIR", help="instead of the shipped ones")
    common.add_argument("--limit", type=read_count, metavar="N", help="only the first N")
    common.add_argument(
        "--json", type=read_result_file, metavar="FILE", help="write JSON, `-` for stdout"
    )

    translate = actions.add_parser(
        "translate", parents=[common], help="BLEU, lagging, erasure, computation"
    )
    translate.add_argument("--set", type=Path, required=True, metavar="FILE.tsv[.gz]")
    translate.add_argument(
        "--columns",
        type=read_column_pair,
        default="0,1",
        metavar="SOURCE,TARGET",
        help="numbers from 0, or names of the header or of the file's name (0,1)",
    )
    translate.add_argument("--from", dest="source_lang", default="en", metavar="LANG")
    translate.add_argument("--to", dest="target_lang", default="de", metavar="LANG")
    translate.add_argument("--translator", choices=TRANSLATORS, default="fretna")
    translate.add_argument("--backend", choices=BACKENDS, default="auto", help="as for a run")
    add_policy_options(translate)
    translate.add_argument(
        "--schedule",
        choices=("words", "asr", "offline"),
        default="words",
        help="an update per word, per step of a recogniser, or one in all (words)",
    )
    translate.add_argument("--agreement", type=int, metavar="N", help="as in the settings")
    translate.add_argument("--mask-k", type=int, metavar="K", help="as in the settings")
    translate.add_argument(
        "--stability",
        dest="budget",
        type=read_budget,
        default=math.inf,
        metavar="NE",
        help="budget of erasure, as of a run (off)",
    )
    translate.add_argument("--spoken", action="store_true", help="sources as a recogniser writes")
    translate.set_defaults(main=_translate)

    evaluate_recognition.register(actions, common)


def _translate(arguments: argparse.Namespace) -> int:
    from app import config
    from app.evaluation.columns import read_columns
    from app.evaluation.translation import evaluate_translation, system_name
    from app.models.registry import Registry, choose_device, load_translator, set_threads

    policy = read_policy(arguments)
    rows = read_columns(arguments.set, arguments.columns, arguments.limit)
    model = Registry(arguments.models).find_translator(
        arguments.translator, arguments.source_lang, arguments.target_lang
    )
    changes = {key: getattr(arguments, key) for key in ("agreement", "mask_k", "budget")}
    stability = dataclasses.replace(
        config.load(None, {}).stability, **{k: v for k, v in changes.items() if v is not None}
    )
    device = choose_device(arguments.device)
    translator = load_translator(model, device=device, policy=policy, backend=arguments.backend)
    set_threads(arguments.threads)
    with progress_bar("translating") as progress:
        result = evaluate_translation(
            translator,
            rows,
            schedule=arguments.schedule,
            stability=stability,
            spoken=arguments.spoken,
            progress=progress,
        )
    system = system_name(arguments.translator, policy)
    print_result({"system": system, "set": arguments.set.name, **result}, arguments.json)
    return 0
