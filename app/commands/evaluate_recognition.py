"""`dragoman evaluate recognize` and `dragoman evaluate noise`: what the recogniser hears."""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.models.registry import BACKENDS
from app.terminal.report import print_result, progress_bar
from engine.recognizer_config import PRESETS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from app.config import Settings
    from app.evaluation.recognition import Transcriber
    from app.models.registry import Model
    from engine.acoustics import Decoder


def register(
    actions: "_SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Declare both; `common` has the options of every evaluation."""
    recognize = actions.add_parser(
        "recognize", parents=[common], help="word error rate, speed, delay"
    )
    add = recognize.add_argument
    add("--manifest", type=Path, required=True, metavar="FILE.tsv")
    add("--root", type=Path, metavar="DIR", help="of the paths (manifest's)")
    add(
        "--only",
        action="append",
        type=_read_condition,
        default=[],
        metavar="COLUMN=TEXT",
        help="rows that start so",
    )
    mode = recognize.add_mutually_exclusive_group()
    mode.add_argument("--stream", action="store_true", help="as it works live")
    mode.add_argument("--offline", action="store_true", help="whole files (the default)")
    add("--noise", type=Path, metavar="DIR", help="mix in clips of a folder")
    add("--snr", type=float, default=10.0, metavar="DB", help="speech above that noise (10)")
    _add_recognizer_options(recognize)
    recognize.set_defaults(main=_recognize)

    noise = actions.add_parser(
        "noise", parents=[common], help="words heard live where nobody speaks: there should be none"
    )
    noise.add_argument("--clips", type=Path, metavar="DIR", help="noise or music; else silence")
    noise.add_argument("--minutes", type=float, default=10.0, metavar="N", help="how long (10)")
    _add_recognizer_options(noise)
    noise.set_defaults(main=_noise)


def _add_recognizer_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--from", dest="source_lang", default="en", metavar="LANG")
    add("--preset", choices=tuple(PRESETS), default="balanced", help="as for a run")
    add("--hot-words", type=Path, metavar="FILE", help="as for a run")
    add("--backend", choices=BACKENDS, default="auto", help="as for a run")
    add("--no-lm", action="store_true", help="without the language model")
    add("--lm-weight", type=float, metavar="W", help="as in the settings")
    add("--lm-bonus", type=float, metavar="B", help="as in the settings")
    add("--min-evidence", type=float, metavar="E", help="as in the settings")


def _recognize(arguments: argparse.Namespace) -> int:
    from app.evaluation.noise_mixer import NoiseMixer, find_clips
    from app.evaluation.recognition import evaluate_recognition
    from app.sources.decoding import SoundFile

    root: Path = arguments.root or arguments.manifest.parent
    rows = _read_rows(arguments, root)
    mixer = NoiseMixer(find_clips(arguments.noise), arguments.snr) if arguments.noise else None

    def recordings() -> Iterator[tuple[Any, str]]:
        for path, transcript in rows:
            with SoundFile(root / path) as file:
                samples = file.read(sys.maxsize)
            yield mixer.mix(samples) if mixer else samples, transcript

    ways = _transcribers(*_load(arguments), live=arguments.stream, n_threads=arguments.threads)
    with progress_bar("recognising") as progress:
        result = evaluate_recognition(
            recordings(),
            len(rows),
            lang=arguments.source_lang,
            transcribers=ways,
            progress=progress,
        )
    asked = {
        "set": arguments.manifest.name,
        "only": arguments.only,
        "noise_snr_db": arguments.snr if arguments.noise else None,
        "mode": "stream" if arguments.stream else "offline",
        "preset": arguments.preset,
    }
    print_result({**asked, **result}, arguments.json)
    return 0


def _noise(arguments: argparse.Namespace) -> int:
    from app.evaluation.noise import evaluate_noise, silence
    from app.evaluation.noise_mixer import find_clips, read_clip
    from app.models.recognition import make_recognizer

    clips = find_clips(arguments.clips)[: arguments.limit] if arguments.clips else []
    sounds = ((path.stem, read_clip(path)) for path in clips) if clips else silence()
    model, device, settings = _load(arguments)
    decoder = _decoders(model, device, settings, arguments.threads).popitem()[1]
    with progress_bar("listening") as progress:
        result = evaluate_noise(
            make_recognizer(decoder, model.source_lang, settings),
            sounds,
            longest_s=60.0 * arguments.minutes,
            progress=progress,
        )
    print_result({"clips": len(clips), "preset": arguments.preset, **result}, arguments.json)
    return 0


def _read_condition(text: str) -> str:
    column, _, value = text.partition("=")
    if not (column and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form COLUMN=TEXT")
    return text


def _read_rows(arguments: argparse.Namespace, root: Path) -> list[tuple[str, str]]:
    """Path and transcript of the recordings asked for, all of which are there."""
    from app.evaluation.columns import EvaluationError, read_columns

    filters = [condition.partition("=") for condition in arguments.only]
    names = ["path", "transcript", *(name for name, _, _ in filters)]
    rows = [
        (path, transcript)
        for path, transcript, *others in read_columns(arguments.manifest, names)
        if transcript
        and all(other.startswith(f[2]) for other, f in zip(others, filters, strict=True))
    ][: arguments.limit]
    if not rows:
        like = f"like {' and '.join(arguments.only)}" if arguments.only else "with a transcript"
        raise EvaluationError(f"{arguments.manifest}: no row is {like}")
    if missing := [root / path for path, _ in rows if not (root / path).is_file()]:
        raise EvaluationError(
            f"{arguments.manifest}: {len(missing)} of {len(rows)} recordings are not there, "
            f"such as {missing[0]}; --root names their folder"
        )
    return rows


def _load(arguments: argparse.Namespace) -> tuple["Model", str, "Settings"]:
    """The recogniser, the device and the settings of a command line."""
    from app import config
    from app.models.registry import Registry, choose_device

    model = Registry(arguments.models).find_recognizer(arguments.source_lang)
    names = ("lm_weight", "lm_bonus", "min_evidence")
    given = {name: getattr(arguments, name) for name in names}
    recognizer: dict[str, object] = {k: v for k, v in given.items() if v is not None}
    if arguments.no_lm:
        recognizer["language_model"] = False
    run = {name: getattr(arguments, name) for name in ("backend", "preset", "hot_words")}
    return (
        model,
        choose_device(arguments.device),
        config.load(None, {"recognizer": recognizer, "run": run}),
    )


def _decoders(
    model: "Model", device: str, settings: "Settings", n_threads: int
) -> dict[str, "Decoder"]:
    """Ways to search by the key of their error rate; the last one is how a run does it."""
    from app.models.hot_words import read_hot_words
    from app.models.recognition import make_decoder
    from app.models.registry import load_language_model, load_recognizer, set_threads

    backend, path = settings.run.backend, settings.run.hot_words
    network = load_recognizer(model, device=device, backend=backend, n_threads=n_threads)
    set_threads(n_threads)
    hot_words = read_hot_words(path) if path else ()
    recognizer = settings.recognizer
    ways = {"wer": make_decoder(network, None, recognizer, hot_words)}
    if recognizer.language_model and (ngrams := load_language_model(model)) is not None:
        ways["wer_lm"] = make_decoder(network, ngrams, recognizer, hot_words)
    return ways


def _transcribers(
    model: "Model", device: str, settings: "Settings", *, live: bool, n_threads: int = 1
) -> dict[str, "Transcriber"]:
    make = _live if live else _whole
    return {
        key: make(decoder, model.source_lang, settings)
        for key, decoder in _decoders(model, device, settings, n_threads).items()
    }


def _whole(decoder: "Decoder", lang: str, settings: "Settings") -> "Transcriber":
    """Recognise a recording in one pass."""
    from engine.agreement import group_words

    def transcribe(samples: Any) -> tuple[str, Mapping[str, list[float]]]:
        began = time.perf_counter()
        words = group_words(decoder.decode(samples, lang=lang, last=True))
        text = " ".join(word.text for word in words)
        return text, {"spent_s": [time.perf_counter() - began]}

    return transcribe


def _live(decoder: "Decoder", lang: str, settings: "Settings") -> "Transcriber":
    """Recognise a recording as it comes in."""
    from app.evaluation.recognition import live_figures, stream_recording
    from app.models.recognition import make_recognizer

    def transcribe(samples: Any) -> tuple[str, Mapping[str, list[float]]]:
        recognizer = make_recognizer(decoder, lang, settings)
        streamed, spent_s = stream_recording(recognizer, samples)
        return streamed.text, live_figures(streamed, spent_s)

    return transcribe
