"""`dragoman export`: a model for an engine without torch."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.options import read_count

if TYPE_CHECKING:
    from argparse import _SubParsersAction

ENGINES = ("auto", "ctranslate2", "onnx")

_DESCRIPTION = """\
Write a checkpoint in the form that another engine runs, beside its other files: a recogniser for
ONNX Runtime, which `dragoman run` then takes; a translator for CTranslate2 (ReTA) or ONNX Runtime
(Wait-k, FReTNA's `stream` form)."""


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "export",
        help="write a model for an engine without torch",
        description=_DESCRIPTION,
    )
    add = parser.add_argument
    add("checkpoint", type=Path, metavar="DIR", help="a checkpoint")
    add("--quantization", choices=("int8", "float32"), default="int8", help="of the weights (int8)")
    add(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="of reta: ctranslate2 (auto), or onnx, which verifies drafts",
    )
    add("--out", type=Path, metavar="DIR", help="another folder, which need not exist")
    add("--check", type=Path, metavar="PAIRS.tsv[.gz]", help="compare translations with torch's")
    add("--limit", type=read_count, default=1000, metavar="N", help="sentences to compare (1000)")
    parser.set_defaults(main=_export)


def _export(arguments: argparse.Namespace) -> int:
    from models.checkpoint import read_config
    from models.export.translator import export_translator
    from models.owsm_ctc.model import KIND

    target = arguments.out or arguments.checkpoint
    _refuse_other_model(arguments.checkpoint, target)
    sentences = None if arguments.check is None else _read_sentences(arguments)
    int8 = arguments.quantization == "int8"
    if read_config(arguments.checkpoint).get("kind") == KIND:
        written = _recognizer(arguments.checkpoint, target, int8=int8)
    else:
        written = export_translator(
            arguments.checkpoint, target, int8=int8, engine=arguments.engine
        )
    files = [written] if written.is_file() else [f for f in written.rglob("*") if f.is_file()]
    size = sum(file.stat().st_size for file in files)
    print(f"{written}: {size / 1e6:.1f} MB, {arguments.quantization}")
    if sentences is not None:
        _compare(arguments.checkpoint, target, sentences)
    return 0


def _refuse_other_model(checkpoint: Path, target: Path) -> None:
    """Leave a folder alone whose configuration belongs to other weights.

    Raises:
        ExportError: it is such a folder.
    """
    from models.checkpoint import WEIGHTS_FILE
    from models.errors import ExportError

    if target.resolve() != checkpoint.resolve() and (target / WEIGHTS_FILE).exists():
        raise ExportError(f"{target}: holds another model; name a folder of its own with --out")


def _read_sentences(arguments: argparse.Namespace) -> list[str]:
    from app.evaluation.columns import read_columns

    return [text for (text,) in read_columns(arguments.check, ["0"], arguments.limit)]


def _compare(checkpoint: Path, exported: Path, sentences: list[str]) -> None:
    """Print how many whole sentences both translate to the same text."""
    from app.terminal.report import progress_bar
    from engine.policies.config import PolicyConfig
    from engine.policies.exported import load_exported
    from engine.policies.networks import load_network

    policy = PolicyConfig()
    systems = (
        load_network(checkpoint, "cpu", policy, verifier=None, n_threads=1),
        load_exported(exported, policy, n_threads=1),
    )
    n_same = 0
    with progress_bar("comparing") as progress:
        for index, text in enumerate(sentences):
            one, two = (system.start().update(text, finished=True) for system in systems)
            n_same += one == two
            progress((index + 1) / len(sentences))
    print(
        f"same translation as torch: {n_same} of {len(sentences)} ({n_same / len(sentences):.1%})"
    )


def _recognizer(checkpoint: Path, target: Path, *, int8: bool) -> Path:
    from models.checkpoint import WEIGHTS_FILE
    from models.export.folder import copy_rest
    from models.export.recognizer_onnx import export_onnx
    from models.owsm_ctc.model import OwsmCtc

    model = OwsmCtc.from_checkpoint(checkpoint)
    path = export_onnx(model, target, int8=int8, weights=checkpoint / WEIGHTS_FILE)
    copy_rest(checkpoint, target)
    return path
