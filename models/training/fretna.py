"""Training tasks of FReTNA: CTC with glancing on sequence-level distilled targets."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from models.ctc import best_alignment, ctc_loss, extend_with_blanks
from models.ctc_paths import collapse
from models.fretna import Fretna
from models.layers import row_mask
from models.losses import NGRAM_LOSSES
from models.slots import HIDDEN
from models.stream_fretna import StreamFretna
from models.training.projection import (
    VocabularySample,
    project_best,
    project_labels,
    sample_vocabulary,
)
from models.training.translation_data import Batch
from models.training.translator_task import TranslatorTask
from models.translator_config import TranslatorConfig

Fill = Callable[[Tensor | None], Tensor]
"""Revealed slots, or None → the states of all slots."""


class FretnaTask(TranslatorTask):
    """Glancing training (GLAT, Qian et al. 2021) with the CTC loss.

    A first pass without gradients says how far off the model is; the worse, the more slots of the
    target's best alignment are revealed to the second pass, which learns the slots. Not every
    batch is glanced at: without its first pass, a batch takes little more than half the time.

    Args:
        config: sizes of the model.
        glance_start: part of the wrong slots that is revealed at first.
        glance_end: the same at the end of the schedule.
        glance_share: part of the batches that are glanced at.
        n_sampled: ids of the vocabulary that stand for those that a batch does not hold.
        ngram_loss: `nmla` or `eisl`, for a second stage that starts from a trained model; none if
            empty. It wants the whole vocabulary: such batches should be smaller.
        ngram_weight: of that loss, per sentence; the CTC loss, per token, has the rest of 1.
    """

    def __init__(
        self,
        config: TranslatorConfig,
        *args: Any,
        glance_start: float = 0.5,
        glance_end: float = 0.2,
        glance_share: float = 0.5,
        n_sampled: int = 1000,
        ngram_loss: str = "",
        ngram_weight: float = 1.0,
        **kw: Any,
    ) -> None:
        super().__init__(config, *args, **kw)
        self._glance = (glance_start, glance_end)
        self._glance_share = glance_share
        self._n_sampled = n_sampled
        if ngram_loss and ngram_loss not in NGRAM_LOSSES:
            raise ValueError(f"ngram_loss {ngram_loss!r} is not one of {', '.join(NGRAM_LOSSES)}")
        self._ngram_loss = NGRAM_LOSSES.get(ngram_loss)
        self._ngram_weight = ngram_weight
        self.model: Fretna | StreamFretna = self._new_model(config)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, float]:
        """CTC loss per target token, and the loss of n-grams if there is one."""
        model = self.model
        batch = batch.to(model.embedding.weight.device)
        fill = self._read(batch)
        n_slots = batch.source_lengths * model.config.upsampling
        valid = row_mask(n_slots, int(n_slots.max()))
        targets = batch.target[:, 1:]  # EOS and padding lie behind the target lengths
        labels = extend_with_blanks(targets)[:, None, :].expand(*valid.shape, -1)[valid]
        sample = sample_vocabulary(labels, model.config.vocab_size, self._n_sampled)
        revealed = None
        if float(torch.rand(())) < self._glance_share:
            revealed = self._reveal(fill, batch, valid, sample, progress)
        states = model.norm(fill(revealed)[valid])
        weight = model.embedding.weight[sample.ids]
        logits, normaliser = project_labels(states, weight, sample.labels, sample.bias)
        scores = _unflatten(logits - normaliser[:, None], valid)
        losses = ctc_loss(scores, n_slots, targets, batch.target_lengths)
        n_tokens = int(batch.target_lengths.sum())
        loss = losses.sum() / n_tokens
        if self._ngram_loss is not None:
            log_probs = F.linear(states, model.embedding.weight).float().log_softmax(dim=-1)
            ngram_losses = self._ngram_loss(
                _unflatten(log_probs, valid), n_slots, targets, batch.target_lengths
            )
            loss = torch.lerp(loss, ngram_losses.mean(), self._ngram_weight)
        return loss, n_tokens

    def _new_model(self, config: TranslatorConfig) -> Fretna | StreamFretna:
        return Fretna(config)

    def _read(self, batch: Batch) -> Fill:
        """Encode the source; what is returned goes from there."""
        model, lengths = self.model, batch.source_lengths
        memory = model.encoder(batch.source, lengths)
        return lambda revealed: model.slot_states(memory, lengths, revealed)

    @torch.no_grad()
    def _reveal(
        self,
        fill: Fill,
        batch: Batch,
        valid: Tensor,
        sample: VocabularySample,
        progress: float,
    ) -> Tensor:
        """The slots to reveal after a first pass, as `glance` returns them.

        Args:
            fill: of the batch.
            batch: of the loss.
            valid: the slots that exist, (batch, slots).
            sample: vocabulary, and the labels and blanks of the target for each valid slot.
            progress: part of the schedule that is done.
        """
        model = self.model
        states = model.norm(fill(None)[valid])
        # Not normalised: that would add the same to every path.
        weight = model.embedding.weight[sample.ids]
        logits, best = project_best(states, weight, sample.labels)
        aligned = best_alignment(
            _unflatten(logits, valid), valid.sum(dim=1), batch.target[:, 1:], batch.target_lengths
        )
        start, end = self._glance
        ratio = start + (end - start) * progress
        return glance(_unflatten(sample.ids[best], valid), aligned, valid, ratio)

    def _translate_ids(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        return [collapse(path) for path in self.model.paths_batch(sources)]


class StreamFretnaTask(FretnaTask):
    """The same for the `stream` form, whose blocks are of random length.

    Args:
        whole_share: part of the sentences that are one block.
        longest_block: source tokens of the longest block of the others.
    """

    model: StreamFretna

    def __init__(
        self, *args: Any, whole_share: float = 0.2, longest_block: int = 10, **kw: Any
    ) -> None:
        super().__init__(*args, **kw)
        self._whole_share = whole_share
        self._longest_block = longest_block

    def _new_model(self, config: TranslatorConfig) -> StreamFretna:
        return StreamFretna(config)

    def _read(self, batch: Batch) -> Fill:
        model, lengths = self.model, batch.source_lengths
        memory = model.encoder(batch.source, lengths)
        blocks = self._draw_blocks(batch.source)
        return lambda revealed: model.slot_states(memory, lengths, revealed, blocks=blocks)

    def _draw_blocks(self, source: Tensor) -> Tensor:
        """The block of each source token: one length for each row, (batch, source time)."""
        batch, n_source = source.shape
        device = source.device
        length = torch.randint(1, self._longest_block + 1, (batch, 1), device=device)
        whole = torch.rand(batch, 1, device=device) < self._whole_share
        length = torch.where(whole, 2 * n_source, length)
        begun = torch.where(whole, 0, torch.randint(0, 1 << 16, (batch, 1), device=device) % length)
        return (torch.arange(n_source, device=device) + begun) // length


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
