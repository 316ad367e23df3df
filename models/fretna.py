"""FReTNA: re-translation without autoregression, by a CTC draft in one parallel pass.

Faster Re-translation Using Non-Autoregressive Model (Han, Indurthi et al., arXiv 2012.14681)
edits the previous translation whenever the source has grown. This form, `ctc`, writes all target
tokens at once, into the slots that the source prefix opens (`models.slots`).

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
from torch import Tensor

from models.layers import decoder_layers, padding_mask
from models.slots import HIDDEN, SlotNetwork
from models.translation import pad


class Fretna(SlotNetwork):
    """Encoder of the source prefix and parallel decoder over token slots."""

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
        x = self.open_slots(memory, revealed=revealed)
        mask = cross_mask = None
        if lengths is not None:
            mask = padding_mask(lengths * self.config.upsampling, x.shape[1])
            cross_mask = padding_mask(lengths, memory.shape[1])
        for layer in decoder_layers(self.layers):
            keys, values = layer.cross.project(memory)
            x = layer(x, mask, keys, values, cross_mask)
        return x

    @torch.inference_mode()
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
        memory = self.encoder(torch.tensor([source], device=device), None)
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
        return self.paths(self.slot_states(self.encoder(ids, lengths), lengths), sources)
