"""Sequence-level knowledge distillation (Kim and Rush 2016): the teacher's own translations.

A non-autoregressive model cannot choose between several good translations word by word; targets
from one teacher leave it less to choose from. Where people have translated the sentence, too, the
teacher need not have the last word: of the hypotheses of its beam, the one nearest to theirs is
as easy to learn and better (their section 3.3, sequence-level interpolation).
"""

import gzip
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from models.autoregressive import AutoregressiveTransformer, greedy_batch
from models.checkpoint import read_checkpoint
from models.export.ctranslate2 import export
from models.export.engine import ExportedTranslator
from models.tokenizer import Tokenizer
from models.training.packed_texts import in_groups
from models.training.translation_data import read_pairs
from models.translator_config import TranslatorConfig, source_ids

_BATCH_TOKENS = {"cpu": 3_000, "cuda": 60_000}
_BEAM_SENTENCES = 2_000
"""Sentences between two reports of progress."""

Progress = Callable[[float], None]
"""Told the part that is done, 0 to 1."""


class Teacher:
    """A `reta` checkpoint that translates sentences greedily, those of like length together."""

    def __init__(self, directory: Path, device: str = "cpu") -> None:
        """Load it.

        Raises:
            CheckpointError: it cannot be loaded.
        """
        checkpoint = read_checkpoint(directory).expect("reta")
        self._tokenizer = Tokenizer(checkpoint.tokenizer)
        self._model = AutoregressiveTransformer.from_checkpoint(checkpoint, device)

    @property
    def source_lang(self) -> str:
        """ISO 639-1 code of the language it reads."""
        return self._model.config.source_lang

    @property
    def target_lang(self) -> str:
        """ISO 639-1 code of the language it writes."""
        return self._model.config.target_lang

    def translate(self, sources: Sequence[str]) -> list[str]:
        """Return the translations in order; empty for sentences that are too long."""
        texts = [""] * len(sources)
        for index, text in self.translated(sources):
            texts[index] = text
        return texts

    @torch.inference_mode()
    def translated(
        self, sources: Sequence[str], progress: Progress = lambda done: None
    ) -> Iterator[tuple[int, str]]:
        """Yield the index and the translation of each sentence that is not too long."""
        ids = [source_ids(row, finished=True) for row in self._tokenizer.encode_batch(sources)]
        order = sorted(
            (
                index
                for index in range(len(ids))
                if len(ids[index]) <= self._model.config.max_tokens
            ),
            key=lambda index: len(ids[index]),
        )
        batch_tokens = _BATCH_TOKENS[self._model.embedding.weight.device.type]
        lengths = np.array([len(ids[index]) for index in order])
        for batch in in_groups(lengths, batch_tokens):
            chosen = order[batch]
            rows = greedy_batch(self._model, [ids[index] for index in chosen])
            for index, row in zip(chosen, rows, strict=True):
                yield index, self._tokenizer.decode(row)
            progress(batch.stop / len(order))


def distill(
    teacher: Path,
    files: Sequence[Path],
    out: Path,
    *,
    beam: int = 1,
    n_threads: int = 1,
    device: str = "cpu",
    progress: Progress = lambda done: None,
) -> int:
    """Translate every distinct source sentence with the teacher.

    Args:
        teacher: a `reta` checkpoint.
        files: TSV files of sources and their translations by people.
        out: gzipped TSV (source, teacher's target), written when complete.
        beam: 1: the teacher translates greedily. More: of so many hypotheses of a beam, the one
            nearest to a translation in the files is taken.
        n_threads: of the beam search.
        device: where a greedy teacher runs; a beam is searched on the CPU, with CTranslate2.
        progress: told the part that is done.

    Returns:
        How many pairs were written.

    Raises:
        CheckpointError: the teacher cannot be loaded.
        ExportError: CTranslate2 is not installed.
        ValueError: a file cannot be read, or the beam is narrower than 1.
    """
    if beam < 1:
        raise ValueError(f"beam {beam} is less than 1")
    references = defaultdict[str, list[str]](list)
    for path in files:
        for source, target in read_pairs(path):
            references[source].append(target)
    sources = sorted(references)
    translated = (
        Teacher(teacher, device).translated(sources, progress)
        if beam == 1
        else _interpolated(teacher, sources, references, beam, n_threads, progress)
    )
    pairs = [(sources[index], target) for index, target in translated]
    temporary = out.with_name(out.name + ".tmp")
    with gzip.open(temporary, "wt", encoding="utf-8") as file:
        file.writelines(f"{source}\t{target}\n" for source, target in pairs if target)
    temporary.replace(out)
    return len(pairs)


def _interpolated(
    teacher: Path,
    sources: Sequence[str],
    references: Mapping[str, Sequence[str]],
    beam: int,
    n_threads: int,
    progress: Progress,
) -> Iterator[tuple[int, str]]:
    """Yield the index of each sentence that is not too long, and the hypothesis to learn."""
    checkpoint = read_checkpoint(teacher).expect("reta")
    config = TranslatorConfig.from_dict(checkpoint.config)
    tokenizer = Tokenizer(checkpoint.tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        export(teacher, Path(folder), "float32")
        engine = ExportedTranslator(Path(folder), tokenizer, config, n_threads=n_threads)
        ids = [source_ids(row, finished=True) for row in tokenizer.encode_batch(sources)]
        order = [index for index, row in enumerate(ids) if len(row) <= config.max_tokens]
        order.sort(key=lambda index: len(ids[index]))
        for start in range(0, len(order), _BEAM_SENTENCES):
            chosen = order[start : start + _BEAM_SENTENCES]
            n_best = engine.n_best([ids[index] for index in chosen], beam)
            for index, hypotheses in zip(chosen, n_best, strict=True):
                texts = [tokenizer.decode(hypothesis) for hypothesis in hypotheses]
                yield index, nearest(texts, references[sources[index]])
            progress((start + len(chosen)) / len(order))


def nearest(hypotheses: Sequence[str], references: Sequence[str]) -> str:
    """The hypothesis with the highest chrF++ (Popović 2017); of equals, the first."""
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF(word_order=2)
    return max(
        hypotheses, key=lambda text: float(metric.sentence_score(text, list(references)).score)
    )
