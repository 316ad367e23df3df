"""The part of `dragoman train` that makes what the runs read, and the tables beside a model."""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.models.registry import DEVICES

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_MIN_COUNTS = "1,1,1,2,2,3,3"


class TrainingError(ValueError):
    """A training configuration, or the data it names, that cannot be used."""


def register(actions: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommands."""
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


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of a file in front of what is wrong."""
    try:
        yield
    except ValueError as error:
        raise TrainingError(f"{path}: {error}") from error


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

    with naming(arguments.out):
        tokenizer = train_tokenizer(lines(), arguments.vocab_size)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_bytes(tokenizer.model)
    return 0


def _distill(arguments: argparse.Namespace) -> int:
    from rich.progress import Progress

    from app.models.registry import choose_device
    from models.training.distillation import distill

    device = choose_device(arguments.device)
    with Progress() as progress, naming(arguments.out):
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
    with naming(path):
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

    with naming(arguments.tokenizer):
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
