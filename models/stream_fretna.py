"""FReTNA's `stream` form: an update fills the last slots anew, whatever the length of the source.

The `ctc` form (`models.fretna`) goes over the whole source prefix at every update. Here the source
passes through causal layers, whose keys and values stay valid, and the layers behind see the slots
of their own window and everything to the left of it. An update encodes the new tokens, takes the
slots of the last `window` tokens as its window and fills them: what lies to the left is settled,
so that revisions are bounded, and an update costs the same at the tenth word as at the sixtieth.

A causal encoder with a block-causal non-autoregressive decoder is that of NAST (Ma et al., EMNLP
2023). Where we differ: slots see the source through the slots to their left instead of
cross-attention, and blocks are of random length in training, so that one model serves windows of
any width.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.layers import EncoderLayer, KeyValues, padding_mask
from models.shortlist import Shortlist
from models.slot_search import N_LIKELY, Slots, spread_logits
from models.slots import SlotNetwork
from models.translation import pad


class StreamFretna(SlotNetwork):
    """Causal layers over source tokens, then layers over windows of slots."""

    layer_type = EncoderLayer

    def slot_states(
        self,
        memory: Tensor,
        lengths: Tensor | None,
        revealed: Tensor | None = None,
        *,
        blocks: Tensor | None = None,
    ) -> Tensor:
        """States of all slots: (batch, upsampling · source time, d).

        Args:
            memory: encoded source, (batch, source time, d).
            lengths: valid source tokens of each row; None if all are.
            revealed: token ids of known slots, `HIDDEN` elsewhere, (batch, slots).
            blocks: to which block each source token belongs, growing to the right,
                (batch, source time): its slots see those of this block and of the blocks to its
                left. None: all are in one.
        """
        x = self.open_slots(memory, revealed=revealed)
        factor = self.config.upsampling
        mask = None if lengths is None else padding_mask(lengths * factor, x.shape[1])
        if blocks is not None:
            own = blocks.repeat_interleave(factor, dim=1)
            visible = (own[:, None, :] <= own[:, :, None])[:, None]
            mask = visible if mask is None else visible & mask
        for layer in window_layers(self):
            x = layer(x, mask)
        return x

    def fill(self, sources: Sequence[Sequence[int]]) -> Tensor:
        """States of the slots of whole sources, read in blocks of the window's width.

        Returns:
            (batch, slots, d)
        """
        ids, lengths = pad(sources, self.embedding.weight.device)
        blocks = torch.arange(ids.shape[1], device=ids.device) // self.config.window
        memory = self.encoder(ids, lengths)
        return self.slot_states(memory, lengths, blocks=blocks.expand_as(ids))

    @torch.inference_mode()
    def log_probs(self, source: Sequence[int]) -> NDArray[np.float32]:
        """Log-probabilities of every slot of one source: (slots, vocabulary).

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        logits = self.project(self.fill([source]))[0]
        scores: NDArray[np.float32] = logits.float().log_softmax(dim=-1).cpu().numpy()
        return scores

    def paths_batch(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        """Best path of each source."""
        return self.paths(self.fill(sources), sources)


class SlotWindow:
    """The slots of one growing source.

    Args:
        model: which fills them.
        shortlist: of the labels that are looked at; None: all are.
        width: source tokens whose slots are filled anew by every `read`; None: the model's.
    """

    def __init__(
        self, model: StreamFretna, shortlist: Shortlist | None = None, width: int | None = None
    ) -> None:
        self._model = model
        self._shortlist = shortlist
        self._width = width or model.config.window
        self._device = model.embedding.weight.device
        self._encoder_caches = model.encoder.new_caches()
        self._slot_caches = [KeyValues() for _ in model.layers]
        self._memory = torch.empty(1, 0, model.config.d_model, device=self._device)
        self._logits = torch.empty(0, model.config.vocab_size)
        self._labels: NDArray[np.int64] | None = None  # that they are of

    @torch.inference_mode()
    def read(self, source: Sequence[int], n_known: int) -> tuple[int, Slots]:
        """Read the source, fill the slots of the window.

        Args:
            source: all of it, which is not empty.
            n_known: how many of its tokens are as in the call before.

        Returns:
            The first slot of the window, and what its slots are likely to be. What was said of
            the slots to the left of it holds.

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        model = self._model
        for cache in self._encoder_caches:
            cache.truncate(n_known)
        memory = self._memory[:, :n_known]
        if n_known < len(source):
            new = torch.tensor([source[n_known:]], device=self._device)
            encoded = model.encoder(new, None, self._encoder_caches)
            memory = torch.cat((memory, encoded), dim=1)
        first = max(0, min(n_known, len(source) - self._width))
        start = first * model.config.upsampling
        x = model.open_slots(memory[:, first:], start)
        for layer, cache in zip(window_layers(model), self._slot_caches, strict=True):
            cache.truncate(start)
            x = layer(x, None, cache=cache)
        self._memory = memory
        weight = model.embedding.weight
        if self._shortlist is not None:
            self._labels = self._shortlist.select(source, first)
            weight = F.embedding(torch.from_numpy(self._labels).to(self._device), weight)
        self._logits = F.linear(model.norm(x), weight)[0]
        scores, best = self._logits.topk(N_LIKELY, dim=-1)
        labels = best.cpu().numpy()
        if self._labels is not None:
            labels = self._labels[labels]
        return start, Slots(labels, scores.float().cpu().numpy())

    def logits(self) -> NDArray[np.float32]:
        """Logits of the slots that were filled last: (slots, vocabulary)."""
        logits: NDArray[np.float32] = self._logits.float().cpu().numpy()
        if self._labels is None:
            return logits
        return spread_logits(logits, self._labels, self._model.config.vocab_size)


def window_layers(model: StreamFretna) -> list[EncoderLayer]:
    """The layers over slots, typed."""
    return cast(list[EncoderLayer], list(model.layers))
