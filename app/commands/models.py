"""`dragoman models`: which there are, whether one is whole and fast enough, and fetching more."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.options import (
    add_file_options,
    add_translation_options,
    load_settings,
    read_count,
)

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from app.evaluation.check import Speed

_PREPARE = """\
Load the models as a run would. On a CPU this exports them into the user's cache folder, where it
has not been done: a run then starts at once, without torch."""


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its subcommands."""
    parser = commands.add_parser("models", help="list, check, convert and fetch models")
    actions = parser.add_subparsers(title="actions", required=True, metavar="WHAT")

    list_ = actions.add_parser("list", help="the models that a run can use")
    list_.add_argument("--models", type=Path, metavar="DIR", help="instead of the shipped ones")
    list_.set_defaults(main=_list)

    prepare = actions.add_parser(
        "prepare", help="export now what the first run on a CPU would export", description=_PREPARE
    )
    add_translation_options(prepare.add_argument)
    add_file_options(prepare.add_argument)
    prepare.set_defaults(main=_prepare)

    check = actions.add_parser(
        "check", help="load a recogniser strictly, listen with it, say how fast it is here"
    )
    check.add_argument("directory", type=Path, metavar="DIR")
    check.add_argument(
        "--threads", type=read_count, default=1, metavar="N", help="of one network (1)"
    )
    check.add_argument("--json", action="store_true", help="write JSON to standard output")
    check.set_defaults(main=_check)

    convert = actions.add_parser(
        "convert", help="a public OWSM-CTC repository as a checkpoint of this program"
    )
    convert.add_argument("directory", type=Path, metavar="DIR", help="what `pull` fetched")
    convert.add_argument("--out", type=Path, required=True, metavar="DIR")
    convert.add_argument("--from", dest="source_lang", default="en", metavar="LANG",
                         help="the language for which a run takes it (en)")  # fmt: skip
    convert.add_argument("--bf16", action="store_true", help="half the size")
    convert.set_defaults(main=_convert)

    pull = actions.add_parser("pull", help="fetch a public model, or go on fetching it")
    pull.add_argument("repository", metavar="OWNER/NAME", help="such as espnet/owsm_ctc_v4_1B")
    pull.add_argument("--out", type=Path, metavar="DIR", help="a folder of the repository's name")
    pull.add_argument("--endpoint", metavar="URL", help="a mirror of the hub")
    pull.set_defaults(main=_pull)


def _list(arguments: argparse.Namespace) -> int:
    from rich.table import Table

    from app.models.registry import Registry, choose_device, describe_engine

    table = Table("model", "kind", "languages", "MB", "runs on")
    device = choose_device("auto")
    registry = Registry(arguments.models)
    for model in registry.models():
        files = [path for path in model.directory.iterdir() if path.is_file()]
        table.add_row(
            model.directory.name,
            model.kind,
            " → ".join(filter(None, (", ".join(model.languages), model.target_lang))),
            f"{sum(path.stat().st_size for path in files) / 1e6:.1f}",
            describe_engine(model, device),
        )
    _show(table)
    print(f"in {registry.directory}")
    return 0


def _prepare(arguments: argparse.Namespace) -> int:
    from app.models import translation
    from app.models.registry import Registry, choose_device, load_recognizer

    run = load_settings(arguments, {"run": _PREPARED}).run
    registry, device = Registry(run.models), choose_device(run.device)
    translation.plan(registry, run)(device)
    recognizer = registry.find_recognizer(run.source_lang)
    load_recognizer(recognizer, device=device, backend=run.backend)
    print(f"ready: {run.translator} and {recognizer.directory.name}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from app import config
    from app.evaluation.check import load_forms, measure, spoken_sample
    from app.models.registry import set_threads

    forms = load_forms(arguments.directory, arguments.threads)
    set_threads(arguments.threads)
    samples = spoken_sample()
    speeds = measure(forms, samples, "en", config.Settings())
    if arguments.json:
        print(json.dumps([_facts(speed) for speed in speeds], indent=2, ensure_ascii=False))
    else:
        _print_speeds(speeds)
    return 0


def _convert(arguments: argparse.Namespace) -> int:
    import torch

    from engine.acoustics import heard_languages
    from models.checkpoint import load_espnet

    source_lang: str = arguments.source_lang
    model = load_espnet(arguments.directory)
    dtype = torch.bfloat16 if arguments.bf16 else torch.float32
    languages = [lang for lang in heard_languages(model.config.tokens) if lang != source_lang]
    facts: dict[str, object] = {"source_lang": source_lang, "languages": [source_lang, *languages]}
    model.save(arguments.out, dtype=dtype, facts=facts)
    size = sum(path.stat().st_size for path in arguments.out.iterdir())
    print(f"{arguments.out}: {size / 1e6:.1f} MB")
    return 0


def _pull(arguments: argparse.Namespace) -> int:
    from app.models.pull import HuggingFaceHub, pull

    repository: str = arguments.repository
    directory = arguments.out or Path(repository.rpartition("/")[2])
    files = pull(HuggingFaceHub(arguments.endpoint), repository, directory)
    size = sum(path.stat().st_size for path in files)
    print(f"{directory}: {len(files)} files, {size / 1e6:.1f} MB, checked")
    return 0


def _facts(speed: "Speed") -> dict[str, Any]:
    return {**dataclasses.asdict(speed), "keeps_up": speed.keeps_up}


def _print_speeds(speeds: "list[Speed]") -> None:
    from rich.table import Table

    table = Table("form", "6 s of sound", "real-time factor, live", "keeps up")
    for speed in speeds:
        keeps_up = "yes" if speed.keeps_up else "no"
        table.add_row(speed.form, f"{speed.window_ms:.1f} ms", f"{speed.rtf:.3f}", keeps_up)
    _show(table)
    for speed in speeds:
        print(f"{speed.form} heard: {speed.text}")


_PREPARED = ("source_lang", "target_lang", "translator", "device", "models")
"""Which options go into the table `[run]` of the settings."""


def _show(table: Any) -> None:
    from rich.console import Console

    Console().print(table)
