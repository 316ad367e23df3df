"""Sequence-level knowledge distillation (Kim and Rush 2016): the teacher's own translations.

A non-autoregressive model cannot choose between several good translations word by word; targets
from one teacher leave it less to choose from.
"""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from models.autoregressive import AutoregressiveTransformer, greedy_batch
from models.checkpoint import read_checkpoint
from models.tokenizer import Tokenizer
from models.training.translation_data import read_pairs
from models.translator_config import source_ids

_BATCH_TOKENS = 3000


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
    checkpoint = read_checkpoint(teacher).expect("reta")
    tokenizer = Tokenizer(checkpoint.tokenizer)
    model = AutoregressiveTransformer.from_checkpoint(checkpoint, device)
    sources = sorted({source for path in files for source, _ in read_pairs(path)})
    ids = [source_ids(row, finished=True) for row in tokenizer.encode_batch(sources)]
    order = sorted(
        (index for index in range(len(ids)) if len(ids[index]) <= model.config.max_tokens),
        key=lambda index: len(ids[index]),
    )
    pairs: list[tuple[str, str]] = []
    with torch.inference_mode():
        while len(pairs) < len(order):
            longest = len(ids[order[min(len(pairs) + 255, len(order) - 1)]])
            chosen = order[len(pairs) : len(pairs) + max(1, _BATCH_TOKENS // longest)]
            rows = greedy_batch(model, [ids[index] for index in chosen])
            pairs += [
                (sources[index], tokenizer.decode(row))
                for index, row in zip(chosen, rows, strict=True)
            ]
            progress(len(pairs) / len(order))
    temporary = out.with_name(out.name + ".tmp")
    with gzip.open(temporary, "wt", encoding="utf-8") as file:
        file.writelines(f"{source}\t{target}\n" for source, target in pairs if target)
    temporary.replace(out)
    return len(pairs)
