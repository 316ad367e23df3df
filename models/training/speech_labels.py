"""What is known of packed speech besides its transcripts: where words end, and translations.

Both are made once by models that exist already, and lie beside the index of a pack as plain text,
one utterance a line, so that a run that was stopped goes on where it was:

    word_ends.tsv         id, then for each word of the transcript the sample it ends at
    translation.XX.tsv    id, then the transcript in the language XX, spelled as transcripts are
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from models.owsm_ctc.alignment import AlignmentError
from models.owsm_ctc.model import OwsmCtc
from models.training.distillation import Teacher
from models.training.recognizer_config import LANGUAGES
from models.training.speech_pack import RATE_HZ, PackedUtterance, PackError, SpeechPack
from models.transcript import normalize_transcript

WORD_ENDS_FILE = "word_ends.tsv"

_BATCH = 64  # utterances translated at once

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, 0 to 1."""


def translation_file(lang: str) -> str:
    """The name of the file with translations into `lang`, ISO 639-1."""
    return f"translation.{lang}.tsv"


def read_labels(path: Path) -> dict[str, str]:
    """The label of each utterance by id; an unfinished last line is ignored, no file is empty.

    Raises:
        PackError: a line has no label.
    """
    if not path.exists():
        return {}
    labels = {}
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    for number, line in enumerate(lines, 1):
        id, tab, label = line.partition("\t")
        if not tab:
            raise PackError(f"{path}:{number} has no label")
        labels[id] = label
    return labels


def read_word_ends(directory: Path) -> dict[str, tuple[int, ...]]:
    """Where the words of each utterance of a pack end, in samples.

    Utterances whose transcript could not be aligned are left out.

    Raises:
        PackError: a line is malformed.
    """
    path = directory / WORD_ENDS_FILE
    try:
        return {
            id: tuple(map(int, label.split())) for id, label in read_labels(path).items() if label
        }
    except ValueError as error:
        raise PackError(f"{path}: {error}") from error


def label_speech(
    out: Path,
    *,
    aligner: Path | None,
    teacher: Path | None,
    progress: Progress = lambda what, done: None,
) -> None:
    """Add to the packs where words end, and translations; what is there already is kept.

    Args:
        out: what `prepare_speech` wrote.
        aligner: checkpoint of a recogniser; None leaves the word ends out.
        teacher: `reta` checkpoint; None leaves the translations out.
        progress: told what is being done and the part of it that is done.

    Raises:
        CheckpointError: a checkpoint cannot be loaded.
        PackError: a pack is missing or damaged.
    """
    model = OwsmCtc.from_checkpoint(aligner) if aligner else None
    translator = Teacher(teacher) if teacher else None
    for name in ("real", "synthetic"):
        pack = SpeechPack(out / name)
        if model is not None:
            align_pack(pack, model, LANGUAGES, progress)
        if translator is not None:
            translate_pack(pack, translator, progress)


def align_pack(
    pack: SpeechPack, model: OwsmCtc, codes: Mapping[str, str], progress: Progress
) -> None:
    """Write where words end, by CTC forced alignment.

    Args:
        pack: gets a file `word_ends.tsv`, which is completed if it is there.
        model: knows the spelling of the transcripts.
        codes: the languages of the pack and their codes in the vocabulary; utterances in others
            are not aligned.
        progress: told what is being done and the part of it that is done.
    """

    def label(rows: Sequence[PackedUtterance]) -> Iterator[str]:
        for row in rows:
            yield " ".join(map(str, _word_ends(pack, row, model, codes.get(row.lang))))

    wanted = [row for row in pack if row.split != "dev"]
    _complete(pack.directory / WORD_ENDS_FILE, wanted, label, "word ends", progress)


def translate_pack(pack: SpeechPack, teacher: Teacher, progress: Progress) -> None:
    """Write the teacher's translations of the transcripts in its source language.

    Args:
        pack: gets a file `translation.XX.tsv`, which is completed if it is there.
        teacher: translates text.
        progress: told what is being done and the part of it that is done.
    """

    def label(rows: Sequence[PackedUtterance]) -> Iterator[str]:
        for text in teacher.translate([row.transcript for row in rows]):
            yield normalize_transcript(text, teacher.target_lang)

    wanted = [row for row in pack if row.split != "dev" and row.lang == teacher.source_lang]
    path = pack.directory / translation_file(teacher.target_lang)
    _complete(path, wanted, label, "translations", progress)


def _word_ends(
    pack: SpeechPack, row: PackedUtterance, model: OwsmCtc, code: str | None
) -> tuple[int, ...]:
    """None if they cannot be known."""
    if code is None:
        return ()
    audio = pack.samples(row).astype(np.float32) / np.float32(32768)
    try:
        words = model.align(audio, row.transcript, lang=code)
    except AlignmentError:
        return ()
    if [word.text for word in words] != row.transcript.split():
        return ()  # the model lacks a letter
    return tuple(min(round(word.end_s * RATE_HZ), row.n_samples) for word in words)


def _complete(
    path: Path,
    rows: Sequence[PackedUtterance],
    label: Callable[[Sequence[PackedUtterance]], Iterable[str]],
    what: str,
    progress: Progress,
) -> None:
    """Append the labels that a file lacks."""
    known = read_labels(path)
    missing = [row for row in rows if row.id not in known]
    _cut_after_last_line(path)
    n_done = len(rows) - len(missing)
    with path.open("a", encoding="utf-8") as file:
        for first in range(0, len(missing), _BATCH):
            batch = missing[first : first + _BATCH]
            lines = [f"{row.id}\t{text}\n" for row, text in zip(batch, label(batch), strict=True)]
            file.writelines(lines)
            file.flush()
            n_done += len(batch)
            progress(f"{what} of {path.parent.name}", n_done / len(rows))


def _cut_after_last_line(path: Path) -> None:
    if path.exists():
        data = path.read_bytes()
        path.write_bytes(data[: data.rfind(b"\n") + 1])
