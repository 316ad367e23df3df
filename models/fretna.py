"""FReTNA: re-translation without autoregression, by a CTC draft in one parallel pass.

Faster Re-translation Using Non-Autoregressive Model (Han, Indurthi et al., arXiv 2012.14681)
edits the previous translation whenever the source has grown. This form writes all target tokens
at once: each encoded source token opens `upsampling` slots, a parallel decoder fills every slot
with a token or a blank (CTC, Libovický and Helcl 2018), and collapsing gives the translation.

Slots may be *revealed*: their tokens are given to the decoder as input. In training these are
glanced targets (GLAT, Qian et al. 2021); in re-translation they are the committed words of the
previous hypothesis, which keep their slots while the source grows at its end.

Where we differ from the paper: CTC instead of the Levenshtein Transformer's three heads (one
pass, no insertion loop); what was committed is kept by a forced prefix rather than a position
offset.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.layers import decoder_layers, padding_mask
from models.translation import TranslatorNetwork, pad
from models.translator_config import TranslatorConfig

HIDDEN = -1
"""Marks a slot whose token is not revealed."""


class Fretna(TranslatorNetwork):
    """Encoder of the source prefix and parallel decoder over token slots."""

    kinds = ("fretna",)

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__(config)
        self.slot_offset = nn.Parameter(torch.empty(config.upsampling, config.d_model))
        nn.init.normal_(self.slot_offset, std=config.d_model**-0.5)

    @staticmethod
    def max_steps(config: TranslatorConfig) -> int:
        """Most slots that a source opens."""
        return config.max_tokens * config.upsampling

    def encode(self, source: Tensor, lengths: Tensor | None) -> Tensor:
        """Encoded source (batch, time, d).

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        encoded: Tensor = self.encoder(source, lengths)
        return encoded

    def slot_states(
        self, memory: Tensor, lengths: Tensor | None, revealed: Tensor | None = None
    ) -> Tensor:
        """Decoder states of all slots: (batch, upsampling · source time, d).

        `project` turns those that are wanted into logits.

        Args:
            memory: encoded source, (batch, source time, d).
            lengths: valid source tokens of each row; None if all are.
            revealed: token ids of known slots, `HIDDEN` elsewhere, (batch, slots).
        """
        batch, n_source, d_model = memory.shape
        factor = self.config.upsampling
        x = memory[:, :, None, :] + self.slot_offset  # (batch, source time, factor, d)
        x = x.view(batch, n_source * factor, d_model) + self.positions[: n_source * factor]
        if revealed is not None:
            known = (revealed != HIDDEN)[:, :, None]
            x = x + known * self.embedding(revealed.clamp(min=0)) * self._scale
        mask = cross_mask = None
        if lengths is not None:
            mask = padding_mask(lengths * factor, n_source * factor)
            cross_mask = padding_mask(lengths, n_source)
        for layer in decoder_layers(self.layers):
            keys, values = layer.cross.project(memory)
            x = layer(x, mask, keys, values, cross_mask)
        return x

    def log_probs(
        self, source: Sequence[int], revealed: Sequence[int] | None = None
    ) -> NDArray[np.float32]:
        """Log-probabilities of every slot of one source: (slots, vocabulary).

        Args:
            source: token ids, with EOS if the segment is complete.
            revealed: known tokens of the slots, `HIDDEN` elsewhere; may be shorter than the slots.

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        device = self.embedding.weight.device
        memory = self.encode(torch.tensor([source], device=device), None)
        known = None
        if revealed is not None:
            n_slots = len(source) * self.config.upsampling
            row = [*revealed, *[HIDDEN] * n_slots][:n_slots]
            known = torch.tensor([row], device=device)
        logits = self.project(self.slot_states(memory, None, known))
        scores: NDArray[np.float32] = logits[0].float().log_softmax(dim=-1).cpu().numpy()
        return scores

    def paths_batch(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        """Best path of each source in one pass, without revealed slots."""
        ids, lengths = pad(sources, self.embedding.weight.device)
        states = self.slot_states(self.encode(ids, lengths), lengths)
        paths = self.project(states).argmax(dim=-1).tolist()
        factor = self.config.upsampling
        return [path[: len(row) * factor] for path, row in zip(paths, sources, strict=True)]
