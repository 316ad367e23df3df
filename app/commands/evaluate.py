"""`dragoman evaluate`: quality, delay, stability and cost of the models on a test set."""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.policy import add_policy_options, read_policy
from app.commands.progress import progress_bar
from app.registry import BACKENDS, DEVICES, TRANSLATORS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from app.config import Settings
    from app.evaluate import Transcriber
    from engine.acoustics import Decoder


def register(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its subcommands."""
    parser = commands.add_parser("evaluate", help="measure the models on a test set")
    actions = parser.add_subparsers(title="actions", required=True, metavar="WHAT")

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--device", choices=DEVICES, default="cpu")
    common.add_argument("--threads", type=int, default=1, metavar="N", help="of one network (1)")
    common.add_argument("--models", type=Path, metavar="DIR", help="instead of the shipped ones")
    common.add_argument("--limit", type=int, metavar="N", help="only the first N")
    common.add_argument("--json", type=Path, metavar="FILE", help="write JSON, `-` for stdout")

    translate = actions.add_parser(
        "translate", parents=[common], help="BLEU, lagging, erasure, computation"
    )
    translate.add_argument("--set", type=Path, required=True, metavar="FILE.tsv[.gz]")
    translate.add_argument("--columns", default="0,1", metavar="SOURCE,TARGET")
    translate.add_argument("--from", dest="source_lang", default="en", metavar="LANG")
    translate.add_argument("--to", dest="target_lang", default="de", metavar="LANG")
    translate.add_argument("--translator", choices=TRANSLATORS, default="fretna")
    add_policy_options(translate)
    translate.add_argument(
        "--schedule",
        choices=("words", "asr", "offline"),
        default="words",
        help="an update per word, per step of a recogniser, or one in all (words)",
    )
    translate.add_argument("--agreement", type=int, metavar="N", help="as in the settings")
    translate.add_argument("--mask-k", type=int, metavar="K", help="as in the settings")
    translate.add_argument("--spoken", action="store_true", help="sources as a recogniser writes")
    translate.set_defaults(main=_translate)

    recognize = actions.add_parser(
        "recognize", parents=[common], help="word error rate, speed, delay"
    )
    recognize.add_argument("--manifest", type=Path, required=True, metavar="FILE.tsv")
    recognize.add_argument("--root", type=Path, metavar="DIR", help="of the paths (manifest's)")
    recognize.add_argument("--from", dest="source_lang", default="en", metavar="LANG")
    recognize.add_argument(
        "--only", action="append", default=[], metavar="COLUMN=TEXT", help="rows that start so"
    )
    mode = recognize.add_mutually_exclusive_group()
    mode.add_argument("--stream", action="store_true", help="as it works live")
    mode.add_argument("--offline", action="store_true", help="whole files (the default)")
    recognize.add_argument("--backend", choices=BACKENDS, default="auto", help="as for a run")
    recognize.add_argument("--no-lm", action="store_true", help="without the language model")
    recognize.add_argument("--lm-weight", type=float, metavar="W", help="as in the settings")
    recognize.add_argument("--lm-bonus", type=float, metavar="B", help="as in the settings")
    recognize.set_defaults(main=_recognize)


def _translate(arguments: argparse.Namespace) -> int:
    from app import config
    from app.evaluate import read_columns
    from app.evaluate_translation import evaluate_translation, system_name
    from app.registry import Registry, choose_device, load_translator

    rows = read_columns(arguments.set, arguments.columns.split(","), arguments.limit)
    model = Registry(arguments.models).find_translator(
        arguments.translator, arguments.source_lang, arguments.target_lang
    )
    changes = {"agreement": arguments.agreement, "mask_k": arguments.mask_k}
    stability = dataclasses.replace(
        config.load(None, {}).stability, **{k: v for k, v in changes.items() if v is not None}
    )
    _set_threads(arguments.threads)
    device = choose_device(arguments.device)
    policy = read_policy(arguments)
    translator = load_translator(model, device=device, policy=policy)
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
    _print({"system": system, "set": arguments.set.name, **result}, arguments.json)
    return 0


def _recognize(arguments: argparse.Namespace) -> int:
    from app import config
    from app.evaluate import EvaluationError, evaluate_recognition, read_columns
    from app.registry import Registry, choose_device
    from app.sources.decoding import SoundFile

    manifest: Path = arguments.manifest
    filters = [condition.partition("=") for condition in arguments.only]
    names = ["path", "transcript", *(name for name, _, _ in filters)]
    rows = [
        row
        for row in read_columns(manifest, names)
        if all(row[2 + i].startswith(text) for i, (_, _, text) in enumerate(filters)) and row[1]
    ][: arguments.limit]
    if not rows:
        raise EvaluationError(f"{manifest}: no row is like {' and '.join(arguments.only)}")
    root: Path = arguments.root or manifest.parent
    model = Registry(arguments.models).find_recognizer(arguments.source_lang)
    _set_threads(arguments.threads)
    device = choose_device(arguments.device)
    changes = {"lm_weight": arguments.lm_weight, "lm_bonus": arguments.lm_bonus}
    chosen: dict[str, object] = {k: v for k, v in changes.items() if v is not None}
    recognizer = {"language_model": not arguments.no_lm, **chosen}
    settings = config.load(None, {"recognizer": recognizer, "run": {"backend": arguments.backend}})
    transcribers = _transcribers(
        model, device, settings, live=arguments.stream, n_threads=arguments.threads
    )

    def recordings() -> Iterator[tuple[Any, str]]:
        for path, transcript, *_ in rows:
            with SoundFile(root / path) as file:
                yield file.read(sys.maxsize), transcript

    with progress_bar("recognising") as progress:
        result = evaluate_recognition(
            recordings(),
            len(rows),
            lang=arguments.source_lang,
            transcribers=transcribers,
            progress=progress,
        )
    result = {"mode": "stream" if arguments.stream else "offline", **result}
    _print({"set": manifest.name, "only": arguments.only, **result}, arguments.json)
    return 0


def _transcribers(
    model: Any, device: str, settings: "Settings", *, live: bool, n_threads: int = 1
) -> dict[str, "Transcriber"]:
    """Ways to recognise by the key of their error rate; the last one is how a run does it."""
    from app.recognition import make_decoder
    from app.registry import load_language_model, load_recognizer

    backend = settings.run.backend
    network = load_recognizer(model, device=device, backend=backend, n_threads=n_threads)
    recognizer = settings.recognizer
    ways = {"wer": make_decoder(network, None, recognizer)}
    if recognizer.language_model and (ngrams := load_language_model(model)) is not None:
        ways["wer_lm"] = make_decoder(network, ngrams, recognizer)
    make = _live if live else _whole
    return {key: make(decoder, model.source_lang, settings) for key, decoder in ways.items()}


def _whole(decoder: "Decoder", lang: str, settings: "Settings") -> "Transcriber":
    """Recognise a recording in one pass."""
    from engine.agreement import group_words

    def transcribe(samples: Any) -> tuple[str, Mapping[str, list[float]]]:
        began = time.perf_counter()
        words = group_words(decoder.decode(samples, lang=lang))
        text = " ".join(word.text for word in words)
        return text, {"spent_s": [time.perf_counter() - began]}

    return transcribe


def _live(decoder: "Decoder", lang: str, settings: "Settings") -> "Transcriber":
    """Recognise a recording as it comes in."""
    from app.evaluate import live_figures, stream_recording
    from app.recognition import make_recognizer

    def transcribe(samples: Any) -> tuple[str, Mapping[str, list[float]]]:
        recognizer = make_recognizer(decoder, lang, settings)
        streamed, spent_s = stream_recording(recognizer, samples)
        return streamed.text, live_figures(streamed, spent_s)

    return transcribe


def _set_threads(n: int) -> None:
    import torch

    torch.set_num_threads(n)


def _print(result: dict[str, Any], path: Path | None) -> None:
    """Write JSON where asked for, and a table for people otherwise or besides."""
    text = json.dumps(result, indent=2, ensure_ascii=False)
    if path is not None and str(path) == "-":
        print(text)
        return
    if path is not None:
        path.write_text(text + "\n", encoding="utf-8")
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False)
    for key, value in result.items():
        classes = value if isinstance(value, dict) else {}
        if any(isinstance(item, dict) for item in classes.values()):
            table.add_row(key)
            for name, item in classes.items():
                table.add_row(f"  {name} words", _cell(item))
        else:
            table.add_row(key, _cell(value))
    Console(file=sys.stdout).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{key} {number:.3g}" for key, number in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)
