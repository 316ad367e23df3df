"""Training tasks of the translators, and how a configuration file becomes one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.autoregressive import AutoregressiveTransformer, greedy_batch
from models.tokenizer import PAD_ID, Tokenizer
from models.training.fretna import FretnaTask, StreamFretnaTask
from models.training.hybrid import HybridTask
from models.training.levt import LevtTask
from models.training.projection import smoothed_cross_entropy
from models.training.translation_data import Batch, DataConfig, wait_k_visible
from models.training.translator_task import TranslatorTask
from models.training.warm_start import warm_start
from models.translator_config import TranslatorConfig

_SMOOTHING = 0.1


class AutoregressiveTask(TranslatorTask):
    """Cross entropy with label smoothing; for Wait-k under random head starts (multi-path).

    Args:
        config: sizes of the model.
        max_k: the longest head start, in source words.
        n_sampled: ids of the vocabulary that stand for those that a batch does not hold, which
            saves an eighth of a step on a CPU; 0: all of them.
    """

    def __init__(
        self,
        config: TranslatorConfig,
        *args: Any,
        max_k: int = 12,
        n_sampled: int = 0,
        **kw: Any,
    ) -> None:
        super().__init__(config, *args, **kw)
        self._max_k = max_k
        self._n_sampled = n_sampled
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
        loss = smoothed_cross_entropy(states, weight, labels[real], _SMOOTHING, self._n_sampled)
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
    """The task of a kind of translator, and of a form of FReTNA."""
    if config.kind != "fretna":
        return AutoregressiveTask
    forms = {"levt": LevtTask, "hybrid": HybridTask, "stream": StreamFretnaTask}
    return forms.get(config.form, FretnaTask)
