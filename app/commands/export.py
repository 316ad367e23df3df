"""`dragoman export`: a model for an engine without torch."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "export",
        help="write a model for ONNX Runtime",
        description="Write a recogniser's checkpoint in the form that ONNX Runtime runs, beside "
        "its other files, where `dragoman run` finds it.",
    )
    add = parser.add_argument
    add("checkpoint", type=Path, metavar="DIR", help="an `owsm-ctc` checkpoint")
    add("--format", choices=("onnx",), required=True)
    add("--int8", action="store_true", help="8-bit weights: a third of the size, faster")
    add("--out", type=Path, metavar="DIR", help="another folder, which need not exist")
    parser.set_defaults(main=_export)


def _export(arguments: argparse.Namespace) -> int:
    from models.export.recognizer_onnx import export_onnx
    from models.owsm_ctc.model import OwsmCtc

    source: Path = arguments.checkpoint
    target: Path = arguments.out or source
    path = export_onnx(OwsmCtc.from_checkpoint(source), target, int8=arguments.int8)
    if target.resolve() != source.resolve():
        _copy_rest(source, target)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


def _copy_rest(source: Path, target: Path) -> None:
    """Copy what an exported network needs besides: what it is, its text, its language model."""
    from models.checkpoint import CONFIG_FILE, TOKENIZER_FILE
    from models.ngram import NGRAM_FILE

    for name in (CONFIG_FILE, TOKENIZER_FILE, NGRAM_FILE):
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
