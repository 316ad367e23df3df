"""Training tasks of the translators, and how a configuration file becomes one."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sacrebleu
import torch
from torch import Tensor, nn

from models.autoregressive import AutoregressiveTransformer, greedy_batch
from models.checkpoint import save_checkpoint
from models.tokenizer import PAD_ID, Tokenizer
from models.training.projection import smoothed_cross_entropy
from models.training.translation_data import (
    Batch,
    DataConfig,
    Pair,
    PairStream,
    read_pairs,
    wait_k_visible,
)
from models.training.warm_start import warm_start
from models.translator_config import TranslatorConfig, source_ids

_SMOOTHING = 0.1


class TranslatorTask:
    """What the tasks of all translators share: data, development BLEU, saving."""

    score_name = "bleu"
    higher_is_better = True
    model: nn.Module

    def __init__(
        self,
        config: TranslatorConfig,
        data: DataConfig,
        tokenizer: Tokenizer,
        data_root: Path,
        extra_pairs: Sequence[Pair] = (),
    ) -> None:
        self.config = config
        self._data = data
        self._tokenizer = tokenizer
        pairs = [pair for name in data.train for pair in read_pairs(data_root / name)]
        self._stream = PairStream([*pairs, *extra_pairs], tokenizer, data, config.source_lang)
        self._dev = {
            Path(name).name.split(".")[0]: read_pairs(data_root / name)[: data.n_dev]
            for name in data.dev
        }

    def batches(self, epoch: int) -> Iterator[Batch]:
        """All batches of an epoch."""
        yield from self._stream.epoch(epoch)

    def evaluate(self) -> dict[str, float]:
        """BLEU (sacrebleu, cased, detokenised) on each development set, and their mean."""
        scores = {}
        for name, pairs in self._dev.items():
            hypotheses = self.translate([source for source, _ in pairs])
            references = [target for _, target in pairs]
            bleu = sacrebleu.corpus_bleu(hypotheses, [references]).score
            scores[f"bleu_{name}"] = round(bleu, 2)
        return {"bleu": round(sum(scores.values()) / len(scores), 2), **scores}

    def translate(self, sentences: Sequence[str]) -> list[str]:
        """Translate complete sentences with the model as it is, sorted into batches by length."""
        ids = [source_ids(row, finished=True) for row in self._tokenizer.encode_batch(sentences)]
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        output: dict[int, str] = {}
        for start in range(0, len(order), 64):
            chosen = order[start : start + 64]
            rows = self._translate_ids([ids[index] for index in chosen])
            for index, row in zip(chosen, rows, strict=True):
                output[index] = self._tokenizer.decode(row)
        return [output[index] for index in range(len(ids))]

    def save(self, directory: Path, scores: dict[str, float]) -> None:
        """Write a checkpoint that `dragoman run` loads."""
        config = {**self.config.to_dict(), "dev": scores}
        save_checkpoint(directory, config, self.model, self._tokenizer.model, dtype=torch.float16)

    def _translate_ids(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        raise NotImplementedError


class AutoregressiveTask(TranslatorTask):
    """Cross entropy with label smoothing; for Wait-k under random head starts (multi-path)."""

    def __init__(self, config: TranslatorConfig, *args: Any, max_k: int = 12, **kw: Any) -> None:
        super().__init__(config, *args, **kw)
        self._max_k = max_k
        self.model: AutoregressiveTransformer = AutoregressiveTransformer(config)
        self._ends_word = torch.tensor(self._tokenizer.ends_word)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, float]:
        """Mean cross entropy per target token."""
        device = self.model.embedding.weight.device
        batch = batch.to(device)
        inputs, labels = batch.target[:, :-1], batch.target[:, 1:]
        visible = None
        if self.config.kind == "wait-k":
            k = torch.randint(1, self._max_k + 1, (len(inputs),), device=device)
            visible = wait_k_visible(batch.source, inputs, self._ends_word.to(device), k)
        states = self.model(batch.source, batch.source_lengths, inputs, visible)
        real = labels != PAD_ID
        states = self.model.norm(states[real])  # (tokens, d)
        weight = self.model.embedding.weight
        loss = smoothed_cross_entropy(states, weight, labels[real], _SMOOTHING)
        return loss, batch.n_target_tokens

    def _translate_ids(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        return greedy_batch(self.model, sources)


def make_task(
    config: Mapping[str, Any], data_root: Path, tokenizer: Tokenizer, init: Path | None = None
) -> TranslatorTask:
    """The task of a parsed configuration file.

    Args:
        config: tables `model`, `data` and optionally `task`.
        data_root: folder that the data files are relative to.
        tokenizer: the tokeniser of all systems.
        init: checkpoint to start from.

    Raises:
        ValueError: an unknown key or a bad value.
    """
    try:
        model_config = TranslatorConfig(vocab_size=tokenizer.vocab_size, **config["model"])
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in config["data"].items()
        }
        data_config = DataConfig(**values)
    except (KeyError, TypeError) as error:
        raise ValueError(f"configuration: {error}") from error
    settings = config.get("task", {})
    try:
        task = _task_class(model_config)(
            model_config, data_config, tokenizer, data_root, **settings
        )
    except TypeError as error:
        raise ValueError(f"configuration: [task]: {error}") from error
    if init is not None:
        warm_start(task.model, init)
    return task


def _task_class(config: TranslatorConfig) -> type[TranslatorTask]:
    """The task of a kind of translator, and of a form of FReTNA; those modules build on this."""
    if config.kind != "fretna":
        return AutoregressiveTask
    if config.form == "levt":
        from models.training.levt import LevtTask

        return LevtTask
    if config.form == "hybrid":
        from models.training.hybrid import HybridTask

        return HybridTask
    from models.training.fretna import FretnaTask, StreamFretnaTask

    return StreamFretnaTask if config.form == "stream" else FretnaTask
