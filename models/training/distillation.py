"""Sequence-level knowledge distillation (Kim and Rush 2016): the teacher's own translations.

A non-autoregressive model cannot choose between several good translations word by word; targets
from one teacher leave it less to choose from.
"""

import gzip
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from models.autoregressive import AutoregressiveTransformer, greedy_batch
from models.checkpoint import read_checkpoint
from models.tokenizer import Tokenizer
from models.training.packed_texts import in_groups
from models.training.translation_data import read_pairs
from models.translator_config import source_ids

_BATCH_TOKENS = {"cpu": 3_000, "cuda": 60_000}


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
        self, sources: Sequence[str], progress: Callable[[float], None] = lambda done: None
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
    device: str = "cpu",
    progress: Callable[[float], None] = lambda done: None,
) -> int:
    """Translate every distinct source sentence with the teacher, greedily.

    Args:
        teacher: a `reta` checkpoint.
        files: TSV files whose first column is translated.
        out: gzipped TSV (source, teacher's target), written when complete.
        device: where the teacher runs.
        progress: told the part that is done.

    Returns:
        How many pairs were written.

    Raises:
        CheckpointError: the teacher cannot be loaded.
        ValueError: a file cannot be read.
    """
    sources = sorted({source for path in files for source, _ in read_pairs(path)})
    pairs = [
        (sources[index], target)
        for index, target in Teacher(teacher, device).translated(sources, progress)
    ]
    temporary = out.with_name(out.name + ".tmp")
    with gzip.open(temporary, "wt", encoding="utf-8") as file:
        file.writelines(f"{source}\t{target}\n" for source, target in pairs if target)
    temporary.replace(out)
    return len(pairs)
