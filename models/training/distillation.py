"""Sequence-level knowledge distillation (Kim and Rush 2016): the teacher's own translations.

A non-autoregressive model cannot choose between several good translations word by word; targets
from one teacher leave it less to choose from, but hand its mistakes on. So a translation by people
may be kept where it says what the teacher would have expected, and the teacher speaks only for the
others: selective distillation (Liu et al., AAAI 2023), with the teacher itself as the judge.
"""

import gzip
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from models.autoregressive import AutoregressiveTransformer, greedy_batch
from models.checkpoint import read_checkpoint
from models.tokenizer import BOS_ID, EOS_ID, PAD_ID, Tokenizer
from models.training.packed_texts import in_groups
from models.training.projection import project_labels
from models.training.translation_data import Pair, read_pairs
from models.translation import pad
from models.translator_config import source_ids

_BATCH_TOKENS = {"cpu": 3_000, "cuda": 60_000}

Progress = Callable[[float], None]
"""Told the part that is done, 0 to 1."""


class Teacher:
    """A `reta` checkpoint that translates sentences greedily, and judges translations by others.

    Sentences of like length go through it together.
    """

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
        ids = self._source_ids(sources)
        for chosen in self._batches([len(row) for row in ids], progress):
            rows = greedy_batch(self._model, [ids[index] for index in chosen])
            for index, row in zip(chosen, rows, strict=True):
                yield index, self._tokenizer.decode(row)

    @torch.inference_mode()
    def judged(
        self, pairs: Sequence[Pair], progress: Progress = lambda done: None
    ) -> Iterator[tuple[int, float]]:
        """Yield the index of each pair that is not too long, and how likely its target is.

        That is the mean log-probability of its tokens, EOS included.
        """
        device = self._model.embedding.weight.device
        sources = self._source_ids([source for source, _ in pairs])
        targets = [
            [BOS_ID, *row, EOS_ID]
            for row in self._tokenizer.encode_batch([target for _, target in pairs])
        ]
        lengths = [max(map(len, rows)) for rows in zip(sources, targets, strict=True)]
        for chosen in self._batches(lengths, progress):
            source, source_lengths = pad([sources[index] for index in chosen], device)
            target, _ = pad([targets[index] for index in chosen], device)
            labels = target[:, 1:]
            real = labels != PAD_ID
            states = self._model(source, source_lengths, target[:, :-1])[real]
            logits, normaliser = project_labels(
                self._model.norm(states), self._model.embedding.weight, labels[real][:, None]
            )
            log_probs = torch.zeros(real.shape, device=device)
            log_probs[real] = logits[:, 0] - normaliser
            means = log_probs.sum(dim=1) / real.sum(dim=1)
            yield from zip(chosen, means.tolist(), strict=True)

    def _source_ids(self, sources: Sequence[str]) -> list[list[int]]:
        return [source_ids(row, finished=True) for row in self._tokenizer.encode_batch(sources)]

    def _batches(self, lengths: Sequence[int], progress: Progress) -> Iterator[list[int]]:
        """Indices of rows that the model can read, those of like length together."""
        limit = self._model.config.max_tokens
        order = [index for index, length in enumerate(lengths) if length <= limit]
        order.sort(key=lambda index: lengths[index])
        batch_tokens = _BATCH_TOKENS[self._model.embedding.weight.device.type]
        for batch in in_groups(np.array([lengths[index] for index in order]), batch_tokens):
            yield order[batch]
            progress(batch.stop / len(order))


def distill(
    teacher: Path,
    files: Sequence[Path],
    out: Path,
    *,
    keep: float = math.inf,
    device: str = "cpu",
    progress: Progress = lambda done: None,
) -> int:
    """One target for every distinct source sentence: the teacher's, greedily, or people's.

    Args:
        teacher: a `reta` checkpoint.
        files: TSV files of sentences and their translations by people.
        out: gzipped TSV (source, target), written when complete.
        keep: a translation by people is kept if the teacher finds its tokens so likely: mean
            log-probability, natural; of several the likeliest. None is by default.
        device: where the teacher runs.
        progress: told the part that is done.

    Returns:
        How many pairs were written.

    Raises:
        CheckpointError: the teacher cannot be loaded.
        ValueError: a file cannot be read.
    """
    pairs = sorted({pair for path in files for pair in read_pairs(path)})
    judge = Teacher(teacher, device)
    likeliest: dict[str, tuple[float, str]] = {}
    if keep < math.inf:
        for index, score in judge.judged(pairs, lambda done: progress(done / 2)):
            source, target = pairs[index]
            likeliest[source] = max(likeliest.get(source, (keep, "")), (score, target))
    targets = {source: target for source, (_, target) in likeliest.items() if target}
    begun = 0.5 if keep < math.inf else 0.0
    others = sorted({source for source, _ in pairs} - targets.keys())
    for index, target in judge.translated(
        others, lambda done: progress(begun + done * (1 - begun))
    ):
        if target:
            targets[others[index]] = target
    progress(1.0)
    temporary = out.with_name(out.name + ".tmp")
    with gzip.open(temporary, "wt", encoding="utf-8") as file:
        file.writelines(f"{source}\t{targets[source]}\n" for source in sorted(targets))
    temporary.replace(out)
    return len(targets)
