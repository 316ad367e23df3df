"""`dragoman export`: a translator for an engine without torch."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "export",
        help="write a translator for CTranslate2",
        description="Write a ReTA checkpoint in the form that CTranslate2 runs.",
    )
    parser.add_argument("checkpoint", type=Path, metavar="DIR", help="a `reta` checkpoint")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--quantization", choices=("int8", "float32"), default="int8")
    parser.set_defaults(main=_export)


def _export(arguments: argparse.Namespace) -> int:
    from models.export.ctranslate2 import export

    export(arguments.checkpoint, arguments.out, arguments.quantization)
    size = sum(file.stat().st_size for file in arguments.out.rglob("*") if file.is_file())
    print(f"{arguments.out}: {size / 1e6:.1f} MB, {arguments.quantization}")
    return 0
