"""Training task of FReTNA: CTC with glancing on sequence-level distilled targets."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from models.ctc import BLANK_ID, best_alignment, collapse
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
        with torch.no_grad():
            # Scores need no normalisation per slot: it would add the same to every path.
            scores = model.fill(memory, batch.source_lengths).float()
            revealed = glance(scores, n_slots, targets, batch.target_lengths, ratio)
        logits = model.fill(memory, batch.source_lengths, revealed)
        loss = F.ctc_loss(
            logits.float().log_softmax(dim=-1).transpose(0, 1),
            targets,
            n_slots,
            batch.target_lengths,
            blank=BLANK_ID,
            reduction="sum",
            zero_infinity=True,
        )
        n_tokens = int(batch.target_lengths.sum())
        return loss / n_tokens, n_tokens

    def _translate_ids(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        return [collapse(path) for path in self.model.paths_batch(sources)]


def glance(
    scores: Tensor, n_slots: Tensor, targets: Tensor, target_lengths: Tensor, ratio: float
) -> Tensor:
    """Choose the slots to reveal: (batch, slots), token ids or `HIDDEN`.

    Args:
        scores: logits of the first pass, (batch, slots, vocabulary).
        n_slots: valid slots of each row.
        targets: (batch, n).
        target_lengths: (batch,).
        ratio: part of the wrong slots whose number is revealed, at random places.
    """
    aligned = best_alignment(scores, n_slots, targets, target_lengths)
    slots = torch.arange(aligned.shape[1], device=aligned.device)
    valid = slots[None, :] < n_slots[:, None]
    n_wrong = ((scores.argmax(dim=-1) != aligned) & valid).sum(dim=1)
    reveal_rate = ratio * n_wrong / n_slots.clamp(min=1)  # (batch,)
    chosen = torch.rand(aligned.shape, device=aligned.device) < reveal_rate[:, None]
    return torch.where(chosen & valid, aligned, HIDDEN)
