"""Networks that fill token slots in parallel: what the forms of FReTNA share.

Each encoded source token opens `upsampling` slots, parallel layers fill every slot with a token or
a blank (CTC, Libovický and Helcl 2018), and collapsing gives the translation.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.translation import TranslatorNetwork
from models.translator_config import TranslatorConfig

HIDDEN = -1
"""Marks a slot whose token is not revealed."""


class SlotNetwork(TranslatorNetwork):
    """Encoder of the source, and layers over its slots."""

    kinds = ("fretna",)

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__(config)
        self.slot_offset = nn.Parameter(torch.empty(config.upsampling, config.d_model))
        nn.init.normal_(self.slot_offset, std=config.d_model**-0.5)

    @staticmethod
    def max_steps(config: TranslatorConfig) -> int:
        """Most slots that a source opens."""
        return config.max_tokens * config.upsampling

    def open_slots(self, memory: Tensor, start: int = 0, revealed: Tensor | None = None) -> Tensor:
        """What the layers begin with: (batch, upsampling · source time, d).

        Args:
            memory: encoded source tokens, (batch, source time, d).
            start: place of the first slot.
            revealed: token ids of known slots, `HIDDEN` elsewhere, (batch, slots).
        """
        batch, n_source, d_model = memory.shape
        n_slots = n_source * self.config.upsampling
        x = memory[:, :, None, :] + self.slot_offset  # (batch, source time, upsampling, d)
        x = x.view(batch, n_slots, d_model) + self.positions[start : start + n_slots]
        if revealed is not None:
            known = (revealed != HIDDEN)[:, :, None]
            x = x + known * self.embedding(revealed.clamp(min=0)) * self._scale
        return x

    def paths(self, states: Tensor, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        """Best path of each source, given the states of its slots (batch, slots, d)."""
        paths = self.project(states).argmax(dim=-1).tolist()
        factor = self.config.upsampling
        return [path[: len(row) * factor] for path, row in zip(paths, sources, strict=True)]
