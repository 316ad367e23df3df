"""Training task of the form `hybrid` of FReTNA."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from models.ctc_paths import collapse
from models.levenshtein_transformer import EncodedSource, Hybrid
from models.tokenizer import PAD_ID
from models.training.edits import drop_randomly, edit_loss
from models.training.fretna import FretnaTask
from models.training.levt import target_tokens
from models.training.translation_data import Batch
from models.translation import pad
from models.translator_config import TranslatorConfig


class HybridTask(FretnaTask):
    """Learns the CTC draft and its edit together, in the same decoder.

    Args:
        config: sizes of the model.
        own_share: part of the batches whose edit starts from the model's own draft; the others
            start from a broken target.
        edit_weight: of the edit's loss; that of the draft counts once.
    """

    model: Hybrid

    def __init__(
        self,
        config: TranslatorConfig,
        *args: Any,
        own_share: float = 0.5,
        edit_weight: float = 0.5,
        **kw: Any,
    ) -> None:
        super().__init__(config, *args, **kw)
        self._own_share = own_share
        self._edit_weight = edit_weight

    def _new_model(self, config: TranslatorConfig) -> Hybrid:
        return Hybrid(config)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, float]:
        """Loss of the draft and of its edit."""
        draft_loss, n_tokens = super().loss(batch, progress)
        model = self.model
        batch = batch.to(model.embedding.weight.device)
        source = model.read(batch.source, batch.source_lengths)
        target = target_tokens(batch)
        own = float(torch.rand(())) < self._own_share
        initial = self._draft(source) if own else drop_randomly(target)
        return draft_loss + self._edit_weight * edit_loss(model, source, initial, target), n_tokens

    def _translate_ids(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        source = self.model.read(*pad(sources, self.model.embedding.weight.device))
        rows = self.model.refine(self._draft(source), source)
        return [[token for token in row if token != PAD_ID] for row in rows.tolist()]

    @torch.no_grad()
    def _draft(self, source: EncodedSource) -> Tensor:
        """The CTC draft of each source, padded."""
        model = self.model
        paths = model.project(model.slot_states(source.memory, source.lengths)).argmax(dim=-1)
        n_slots = (source.lengths * model.config.upsampling).tolist()
        rows = [collapse(path[:n]) for path, n in zip(paths.tolist(), n_slots, strict=True)]
        limits = [model.config.target_limit(n) for n in source.lengths.tolist()]
        kept = [row[:limit] for row, limit in zip(rows, limits, strict=True)]
        return pad(kept, paths.device)[0]
