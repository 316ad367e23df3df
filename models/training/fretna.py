"""Training task of FReTNA: CTC with glancing on sequence-level distilled targets."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from models.ctc import best_alignment, collapse, ctc_loss, extend_with_blanks
from models.fretna import HIDDEN, Fretna
from models.training.translation_data import Batch
from models.training.translator import TranslatorTask
from models.translation import TranslatorConfig


class FretnaTask(TranslatorTask):
    """Glancing training (GLAT, Qian et al. 2021) with the CTC loss.

    A first pass without gradients says how far off the model is; the worse, the more slots of the
    target's best alignment are revealed to the second pass, which learns the slots.
    """

    def __init__(
        self,
        config: TranslatorConfig,
        *args: Any,
        glance_start: float = 0.5,
        glance_end: float = 0.1,
        **kw: Any,
    ) -> None:
        super().__init__(config, *args, **kw)
        self._glance = (glance_start, glance_end)
        self.model: Fretna = Fretna(config)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, float]:
        """CTC loss per target token."""
        model = self.model
        batch = batch.to(model.embedding.weight.device)
        memory = model.encode(batch.source, batch.source_lengths)
        n_slots = batch.source_lengths * model.config.upsampling
        targets = batch.target[:, 1:]  # EOS and padding lie behind the target lengths
        start, end = self._glance
        ratio = start + (end - start) * progress
        valid = torch.arange(int(n_slots.max()), device=n_slots.device) < n_slots[:, None]
        with torch.no_grad():
            states = model.slot_states(memory, batch.source_lengths)
            logits = model.project(states[valid])
            paths = _unflatten(logits.argmax(dim=-1), valid)
            scores = _scores_of_labels(logits, valid, targets).float()
            aligned = best_alignment(scores, n_slots, targets, batch.target_lengths)
            revealed = glance(paths, aligned, valid, ratio)
        states = model.slot_states(memory, batch.source_lengths, revealed)
        logits = model.project(states[valid]).float()  # (all valid slots, vocabulary)
        scores = _scores_of_labels(logits, valid, targets)
        scores = scores - _unflatten(logits.logsumexp(dim=-1), valid)[:, :, None]
        losses = ctc_loss(scores, n_slots, targets, batch.target_lengths)
        n_tokens = int(batch.target_lengths.sum())
        return losses.sum() / n_tokens, n_tokens

    def _translate_ids(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        return [collapse(path) for path in self.model.paths_batch(sources)]


def glance(paths: Tensor, aligned: Tensor, valid: Tensor, ratio: float) -> Tensor:
    """Choose the slots to reveal: (batch, slots), token ids or `HIDDEN`.

    Args:
        paths: the model's own labels, (batch, slots).
        aligned: the labels of the target's best alignment, (batch, slots).
        valid: the slots that exist, (batch, slots).
        ratio: part of the wrong slots whose number is revealed, at random places.
    """
    n_wrong = ((paths != aligned) & valid).sum(dim=1)
    reveal_rate = ratio * n_wrong / valid.sum(dim=1).clamp(min=1)  # (batch,)
    chosen = torch.rand(aligned.shape, device=aligned.device) < reveal_rate[:, None]
    return torch.where(chosen & valid, aligned, HIDDEN)


def _unflatten(values: Tensor, valid: Tensor) -> Tensor:
    """Values of the valid slots, put back into their rows: (slots, …) to (batch, slots, …)."""
    rows = values.new_zeros(*valid.shape, *values.shape[1:])
    rows[valid] = values
    return rows


def _scores_of_labels(logits: Tensor, valid: Tensor, targets: Tensor) -> Tensor:
    """As `models.ctc.label_scores`, from logits of the valid slots alone: (slots, vocabulary)."""
    extended = extend_with_blanks(targets)[:, None, :].expand(*valid.shape, -1)
    return _unflatten(logits.gather(1, extended[valid]), valid)
