"""Training task of the form `levt` of FReTNA."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from models.layers import row_mask
from models.levenshtein_transformer import EncodedSource, LevenshteinTransformer
from models.tokenizer import PAD_ID
from models.training.edits import drop_randomly, edit_loss
from models.training.translation_data import Batch
from models.training.translator_task import TranslatorTask
from models.translation import pad
from models.translator_config import TranslatorConfig


class LevtTask(TranslatorTask):
    """Learns to edit its own translations of earlier source prefixes, and broken targets.

    Args:
        config: sizes of the model.
        own_share: part of the batches that start from the model's own output.
        n_iterations: most edits of a development sentence, which starts from nothing.
    """

    def __init__(
        self,
        config: TranslatorConfig,
        *args: Any,
        own_share: float = 0.5,
        n_iterations: int = 2,
        **kw: Any,
    ) -> None:
        super().__init__(config, *args, **kw)
        self._own_share = own_share
        self._n_iterations = n_iterations
        self.model: LevenshteinTransformer = LevenshteinTransformer(config)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, float]:
        """Sum of the mean losses of all heads."""
        batch = batch.to(self.model.embedding.weight.device)
        target = target_tokens(batch)
        own = float(torch.rand(())) < self._own_share
        initial = self._earlier_output(batch) if own else drop_randomly(target)
        source = self.model.read(batch.source, batch.source_lengths)
        return edit_loss(self.model, source, initial, target), batch.n_target_tokens

    @torch.no_grad()
    def _earlier_output(self, batch: Batch) -> Tensor:
        """What the model says in one iteration of a random beginning of each source."""
        shares = torch.rand(len(batch.source_lengths), device=batch.source.device)
        lengths = (batch.source_lengths * shares).long().clamp(min=1)
        source = batch.source[:, : int(lengths.max())]
        self.model.eval()
        output = self.model.refine(
            source.new_empty(len(source), 0), self.model.read(source, lengths)
        )
        self.model.train()
        return output

    def _translate_ids(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        ids, lengths = pad(sources, self.model.embedding.weight.device)
        source: EncodedSource = self.model.read(ids, lengths)
        rows = self.model.refine(
            ids.new_empty(len(ids), 0), source, n_iterations=self._n_iterations
        )
        return [[token for token in row if token != PAD_ID] for row in rows.tolist()]


def target_tokens(batch: Batch) -> Tensor:
    """Targets of a batch without BOS and EOS, padded: (batch, target time)."""
    inner = batch.target[:, 1:-1]
    return inner.masked_fill(~row_mask(batch.target_lengths, inner.shape[1]), PAD_ID)
