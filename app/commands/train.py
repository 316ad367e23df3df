"""`dragoman train`: the training runs behind the shipped models, and their data."""

import argparse
import math
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from app.models.registry import DEVICES

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from models.training.loop import Report, TrainingTask
    from models.training.loop_config import LoopConfig

PlanT = TypeVar("PlanT")
BatchT = TypeVar("BatchT")

_MIN_COUNTS = "1,1,1,2,2,3,3"
_RESUME = "A run that was stopped, however, goes on from its last checkpoint when started again."


class TrainingError(ValueError):
    """A training configuration, or the data it names, that cannot be used."""


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

    text = actions.add_parser("prepare-text", help="train the tokeniser of the translators")
    text.add_argument("files", type=Path, nargs="+", metavar="PAIRS.tsv.gz")
    text.add_argument("--from", dest="source_lang", default="en", metavar="LANG")
    text.add_argument("--out", type=Path, required=True, metavar="FILE")
    text.add_argument("--vocab-size", type=int, default=6000, metavar="N")
    text.set_defaults(main=_prepare_text)

    distill = actions.add_parser("distill", help="let a ReTA teacher translate sentences")
    distill.add_argument("files", type=Path, nargs="+", metavar="PAIRS.tsv.gz")
    distill.add_argument("--teacher", type=Path, required=True, metavar="DIR", help="checkpoint")
    distill.add_argument("--out", type=Path, required=True, metavar="PAIRS.tsv.gz")
    distill.add_argument(
        "--keep",
        type=float,
        default=math.inf,
        metavar="NATS",
        help="keep people's translations that the teacher finds so likely: log-probability of a "
        "token in the mean (none)",
    )
    distill.add_argument("--device", choices=DEVICES, default="auto")
    distill.set_defaults(main=_distill)

    ngram = actions.add_parser(
        "ngram",
        help="train the language model of a recogniser or of FReTNA",
        description="A file named like text.en-de.tsv.gz gives its column of the language, any "
        "other the last column of each line.",
    )
    ngram.add_argument("files", type=Path, nargs="+", metavar="TEXT.tsv[.gz]")
    ngram.add_argument("--tokenizer", type=Path, required=True, metavar="FILE", help="of the model")
    ngram.add_argument("--out", type=Path, required=True, metavar="FILE")
    ngram.add_argument("--from", dest="lang", default="en", metavar="LANG")
    ngram.add_argument(
        "--for-slots", action="store_true", help="of FReTNA: text as it is written, words whole"
    )
    ngram.add_argument(
        "--min-counts", default=_MIN_COUNTS, metavar="N,N,…", help=f"by length ({_MIN_COUNTS})"
    )
    ngram.add_argument(
        "--except",
        dest="manifests",
        type=Path,
        action="append",
        default=[],
        metavar="MANIFEST.tsv",
        help="leave out what is said in its recordings, but for those of a split named train…",
    )
    ngram.set_defaults(main=_ngram)

    shortlist = actions.add_parser(
        "shortlist", help="make the table of which labels FReTNA looks at"
    )
    shortlist.add_argument("files", type=Path, nargs="+", metavar="PAIRS.tsv.gz")
    shortlist.add_argument("--tokenizer", type=Path, required=True, metavar="FILE")
    shortlist.add_argument("--out", type=Path, required=True, metavar="FILE")
    shortlist.add_argument("--from", dest="source_lang", default="en", metavar="LANG")
    shortlist.set_defaults(main=_shortlist)

    speech = actions.add_parser("prepare-speech", help="pack real speech, synthesise the rest")
    speech.add_argument("--data", type=Path, required=True, metavar="DIR")
    speech.add_argument("--out", type=Path, required=True, metavar="DIR")
    speech.add_argument("--hours-synthetic", type=float, default=20.0, metavar="H")
    speech.add_argument("--workers", type=int, default=2, metavar="N")
    speech.add_argument("--pieces", type=int, default=300, metavar="N", help="of the tokeniser")
    speech.add_argument(
        "--aligner", type=Path, metavar="DIR", help="recogniser that says where words end, too"
    )
    speech.add_argument(
        "--teacher", type=Path, metavar="DIR", help="ReTA checkpoint that translates, too"
    )
    speech.set_defaults(main=_prepare_speech)


def _translator(arguments: argparse.Namespace) -> int:
    from models.tokenizer import Tokenizer
    from models.training.translator import make_task

    tables = _read(arguments.config, arguments.changes)
    with _naming(arguments.config):
        loop = _loop_config(tables.pop("training", {}))
        tokenizer = Tokenizer.from_file(arguments.tokenizer)
        task = make_task(tables, arguments.data, tokenizer, arguments.init)
    return _run(task, loop, arguments)


def _recognizer(arguments: argparse.Namespace) -> int:
    from models.training.recognizer import RecognizerTask
    from models.training.recognizer_config import RecognizerConfig

    with _naming(arguments.config):
        config = RecognizerConfig.from_mapping(_read(arguments.config, arguments.changes))
    task = RecognizerTask(config, arguments.speech, init=arguments.init)
    return _run(task, config.loop, arguments)


def _prepare_text(arguments: argparse.Namespace) -> int:
    from models.tokenizer import train_tokenizer
    from models.training.translation_data import read_pairs
    from models.transcript import normalize_transcript

    def lines() -> Iterator[str]:
        for path in arguments.files:
            for source, target in read_pairs(path):
                # As written, and as a recogniser writes it: the models read both.
                yield source
                yield normalize_transcript(source, arguments.source_lang)
                yield target

    with _naming(arguments.out):
        tokenizer = train_tokenizer(lines(), arguments.vocab_size)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_bytes(tokenizer.model)
    return 0


def _distill(arguments: argparse.Namespace) -> int:
    from rich.progress import Progress

    from app.models.registry import choose_device
    from models.training.distillation import distill

    device = choose_device(arguments.device)
    with Progress() as progress, _naming(arguments.out):
        bar = progress.add_task("translating", total=1.0)
        distill(
            arguments.teacher,
            arguments.files,
            arguments.out,
            keep=arguments.keep,
            device=device,
            progress=lambda done: progress.update(bar, completed=done),
        )
    return 0


def _ngram(arguments: argparse.Namespace) -> int:
    from models.training.ngram import train_ngram
    from models.training.ngram_text import read_held_out, read_sentences

    encode, vocabulary = _language_model_pieces(arguments.tokenizer, arguments.for_slots)
    try:
        min_counts = [int(count) for count in arguments.min_counts.split(",")]
        held_out = read_held_out(arguments.manifests, arguments.lang)
        sentences = read_sentences(
            arguments.files, arguments.lang, held_out, as_written=arguments.for_slots
        )
        model = train_ngram(map(encode, sentences), vocabulary, min_counts=min_counts)
    except ValueError as error:
        raise TrainingError(str(error)) from error
    model.save(arguments.out)
    print(f"{arguments.out}: {len(model.tables.pieces) - 1} n-grams")
    return 0


def _language_model_pieces(
    path: Path, for_slots: bool
) -> tuple[Callable[[str], Sequence[int]], list[str]]:
    """How a language model sees a sentence, and its vocabulary."""
    with _naming(path):
        if for_slots:
            from models.slot_search import place_pieces, placed_vocabulary
            from models.tokenizer import Tokenizer

            translator = Tokenizer.from_file(path)
            return (
                lambda text: place_pieces(translator.encode(text), translator.ends_word),
                placed_vocabulary(translator.pieces),
            )
        from models.owsm_ctc.vocabulary import read_tokenizer

        tokenizer = read_tokenizer(path.read_bytes())
        return tokenizer.encode, [tokenizer.id_to_piece(i) for i in range(len(tokenizer))]


def _shortlist(arguments: argparse.Namespace) -> int:
    from models.tokenizer import Tokenizer
    from models.training.shortlist import shortlist_of_pairs
    from models.training.translation_data import read_pairs

    with _naming(arguments.tokenizer):
        tokenizer = Tokenizer.from_file(arguments.tokenizer)
    try:
        pairs = [pair for path in arguments.files for pair in read_pairs(path)]
        shortlist = shortlist_of_pairs(pairs, tokenizer, arguments.source_lang)
    except ValueError as error:
        raise TrainingError(str(error)) from error
    shortlist.save(arguments.out)
    return 0


def _prepare_speech(arguments: argparse.Namespace) -> int:
    from rich.progress import Progress

    from models.training.speech_labels import label_speech
    from models.training.speech_preparation import prepare_speech

    teacher, aligner = arguments.teacher, arguments.aligner
    with Progress() as progress:
        bars: dict[str, Any] = {}

        def show(what: str, share: float) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=1.0)
            progress.update(bars[what], completed=share)

        prepare_speech(
            arguments.data,
            arguments.out,
            hours_synthetic=arguments.hours_synthetic,
            workers=arguments.workers,
            n_pieces=arguments.pieces,
            target_lang="de" if teacher else None,
            progress=show,
        )
        label_speech(arguments.out, aligner=aligner, teacher=teacher, progress=show)
    return 0


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


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the name of a file in front of what is wrong."""
    try:
        yield
    except ValueError as error:
        raise TrainingError(f"{path}: {error}") from error
