"""`dragoman train`: the training runs behind the shipped models; their data: `train_data`."""

import argparse
import math
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from app.commands import train_data
from app.commands.train_data import TrainingError, naming
from app.models.registry import DEVICES

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from models.training.loop import Report, TrainingTask
    from models.training.loop_config import LoopConfig

PlanT = TypeVar("PlanT")
BatchT = TypeVar("BatchT")

_RESUME = "A run that was stopped, however, goes on from its last checkpoint when started again."


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its subcommands."""
    parser = commands.add_parser("train", help="train the models, prepare their data")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("config", type=Path, metavar="CONFIG.toml")
    common.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of the run")
    common.add_argument("--init", type=Path, metavar="DIR", help="checkpoint to start from")
    common.add_argument("--device", choices=DEVICES, default="auto")
    common.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="TABLE.KEY=VALUE",
        help="instead of what the configuration says, as in training.max_minutes=5",
    )

    translator = actions.add_parser("translator", parents=[common], description=_RESUME)
    translator.add_argument("--data", type=Path, required=True, metavar="DIR", help="of the pairs")
    translator.add_argument("--tokenizer", type=Path, required=True, metavar="FILE")
    translator.set_defaults(main=_translator)

    recognizer = actions.add_parser("recognizer", parents=[common], description=_RESUME)
    recognizer.add_argument("--speech", type=Path, required=True, help="what prepare-speech wrote")
    recognizer.set_defaults(main=_recognizer)

    train_data.register(actions)


def _translator(arguments: argparse.Namespace) -> int:
    from models.tokenizer import Tokenizer
    from models.training.translator import make_task

    tables = _read(arguments.config, arguments.changes)
    with naming(arguments.config):
        loop = _loop_config(tables.pop("training", {}))
        tokenizer = Tokenizer.from_file(arguments.tokenizer)
        task = make_task(tables, arguments.data, tokenizer, arguments.init)
    return _run(task, loop, arguments)


def _recognizer(arguments: argparse.Namespace) -> int:
    from models.training.recognizer import RecognizerTask
    from models.training.recognizer_config import RecognizerConfig

    with naming(arguments.config):
        config = RecognizerConfig.from_mapping(_read(arguments.config, arguments.changes))
    task = RecognizerTask(config, arguments.speech, init=arguments.init)
    return _run(task, config.loop, arguments)


def _run(
    task: "TrainingTask[PlanT, BatchT]", config: "LoopConfig", arguments: argparse.Namespace
) -> int:
    """Run the training loop under a progress bar with loss, speed and time left."""
    from rich.progress import BarColumn, Progress, TextColumn

    from app.models.registry import choose_device
    from app.terminal.text import clock_time
    from models.training.loop import TrainingLoop

    columns = ("{task.percentage:5.1f} %", "{task.description}")
    progress = Progress(TextColumn(columns[0]), BarColumn(), TextColumn(columns[1]))
    bar = progress.add_task("starting", total=1.0)

    def show(report: "Report") -> None:
        if report.scores:
            scores = "  ".join(f"{name} {value:.2f}" for name, value in report.scores.items())
            progress.print(f"step {report.step}: {scores}")
            return
        left = clock_time(report.left_s) if math.isfinite(report.left_s) else "?"
        progress.update(
            bar,
            completed=report.done,
            description=f"step {report.step}  loss {report.loss:.3f}  "
            f"{report.units_per_s:.0f} per s  {left} left",
        )

    device = choose_device(arguments.device)
    with progress:
        TrainingLoop(task, config, arguments.run, device=device, report=show).run()
    return 0


def _read(path: Path, changes: Sequence[str]) -> dict[str, Any]:
    """The tables of a configuration file, some values of which are changed."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TrainingError(f"{path}: not TOML ({error})") from error
    for change in changes:
        try:
            ((table, values),) = tomllib.loads(change).items()
            tables[table] = {**tables.get(table, {}), **values}
        except (ValueError, TypeError) as error:
            raise TrainingError(f"--set {change}: it must be TABLE.KEY=VALUE") from error
    return tables


def _loop_config(table: dict[str, Any]) -> "LoopConfig":
    from models.training.loop_config import LoopConfig

    known = LoopConfig.__dataclass_fields__
    for key in table.keys() - known.keys():
        raise TrainingError(f"[training] has no key {key!r}; known: {', '.join(known)}")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return LoopConfig(**values)
