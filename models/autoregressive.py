"""Autoregressive translators: the re-translation baseline (ReTA) and multi-path Wait-k.

Both are the same Transformer. ReTA's encoder sees the whole source prefix and its decoder starts
anew at every update. Wait-k (Ma et al. 2018; multi-path training: Elbayad et al. 2020) has a
causal encoder, and cross-attention limited to what was read when a token was written; so its
caches stay valid, and an update costs only the new tokens.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.layers import (
    KeyValues,
    LayerCache,
    SequenceDropout,
    causal_mask,
    decoder_layers,
    padding_mask,
)
from models.tokenizer import BOS_ID, EOS_ID, PAD_ID
from models.translation import TranslatorNetwork, pad
from models.translator_config import TranslatorConfig


class AutoregressiveTransformer(TranslatorNetwork):
    """Encoder-decoder Transformer that writes one token after the other."""

    kinds = ("reta", "wait-k")

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__(config)
        self.dropout = SequenceDropout(config.dropout)

    @staticmethod
    def max_steps(config: TranslatorConfig) -> int:
        """Most target tokens that the decoder writes, BOS included."""
        return config.max_target_tokens

    def forward(
        self,
        source: Tensor,
        source_lengths: Tensor,
        target: Tensor,
        visible: Tensor | None = None,
    ) -> Tensor:
        """Decoder states that predict every next target token: (batch, target time, d).

        `project` turns those that are wanted into logits.

        Args:
            source: token ids, (batch, source time).
            source_lengths: (batch,).
            target: target ids shifted right, beginning with BOS, (batch, target time).
            visible: (batch, target time, source time), true where the policy lets a prediction
                see a source token; None: everything.
        """
        memory = self.encoder(source, source_lengths)
        cross_mask = padding_mask(source_lengths, source.shape[1])
        if visible is not None:
            cross_mask = cross_mask & visible[:, None]
        x: Tensor = self.dropout(self._embed(target, 0))
        mask = causal_mask(target.shape[1], target.shape[1], target.device)
        for layer in decoder_layers(self.layers):
            keys, values = layer.cross.project(memory)
            x = layer(x, mask, keys, values, cross_mask)
        return x

    def _embed(self, target: Tensor, start: int) -> Tensor:
        positions = self.positions[start : start + target.shape[1]]
        embedded: Tensor = self.embedding(target) * self._scale + positions
        return embedded


class IncrementalDecoder:
    """Decodes rows of one batch token by token against growing caches.

    `read` takes source tokens: all of them at once for ReTA, piece by piece for a causal encoder.
    `step` writes one target token and returns the logits of the next one.
    """

    def __init__(self, model: AutoregressiveTransformer) -> None:
        self._model = model
        self._encoder_caches: list[KeyValues] | None = (
            model.encoder.new_caches() if model.config.causal else None
        )
        self._layers = [LayerCache() for _ in model.layers]
        self._cross_mask: Tensor | None = None

    @property
    def n_written(self) -> int:
        """Target steps taken so far, BOS included."""
        return self._layers[0].own.length

    def read(self, source: Tensor, lengths: Tensor | None = None) -> None:
        """Encode source tokens (batch, time) behind those already read.

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        memory = self._model.encoder(source, lengths, self._encoder_caches)
        if lengths is not None:
            self._cross_mask = padding_mask(lengths, source.shape[1])
        for layer, cache in zip(decoder_layers(self._model.layers), self._layers, strict=True):
            cache.cross.append(*layer.cross.project(memory))

    def forget_source(self, length: int) -> None:
        """Forget the source tokens from `length` on; what was written from them stays."""
        for cache in (*(self._encoder_caches or ()), *(layer.cross for layer in self._layers)):
            cache.truncate(length)

    def forget_target(self, length: int) -> None:
        """Forget the target steps from `length` on."""
        for layer in self._layers:
            layer.own.truncate(length)

    def select(self, rows: Tensor) -> None:
        """Go on with these rows of the batch, which may repeat: (new batch,)."""
        for layer in self._layers:
            layer.own.select(rows)
            layer.cross.select(rows)
        for cache in self._encoder_caches or ():
            cache.select(rows)
        if self._cross_mask is not None:
            self._cross_mask = self._cross_mask[rows]

    def step(self, tokens: Tensor) -> Tensor:
        """Write target tokens (batch, time ≥ 1); logits of the token after the last: (batch, V)."""
        return self._model.project(self._advance(tokens)[:, -1])

    def verify(self, tokens: Tensor) -> Tensor:
        """Write target tokens (batch, time ≥ 1); logits of the token after each: (batch, time, V).

        One pass, whatever the number of tokens: what a teacher thinks of a draft.
        """
        return self._model.project(self._advance(tokens))

    def _advance(self, tokens: Tensor) -> Tensor:
        start = self.n_written
        if start + tokens.shape[1] > self._model.config.max_target_tokens:
            raise ValueError(f"target is longer than {self._model.config.max_target_tokens} tokens")
        x = self._model._embed(tokens, start)
        n_new = tokens.shape[1]
        mask = causal_mask(n_new, start + n_new, tokens.device) if n_new > 1 else None
        for layer, cache in zip(decoder_layers(self._model.layers), self._layers, strict=True):
            keys, values = cache.cross.keys, cache.cross.values
            if keys is None or values is None:
                raise ValueError("nothing was read before the first step")
            x = layer(x, mask, keys, values, self._cross_mask, cache=cache.own)
        return x


def greedy_batch(
    model: AutoregressiveTransformer, sources: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Greedy translations of a batch of sources, without BOS and EOS."""
    device = model.embedding.weight.device
    ids, lengths = pad(sources, device)
    decoder = IncrementalDecoder(model)
    decoder.read(ids, lengths)
    limit = min(2 * ids.shape[1] + 16, model.config.max_target_tokens - 1)
    tokens = torch.full((len(sources), 1), BOS_ID, device=device)
    finished = torch.zeros(len(sources), dtype=torch.bool, device=device)
    columns: list[Tensor] = []
    for _ in range(limit):
        following = decoder.step(tokens).argmax(dim=-1)
        following = following.masked_fill(finished, PAD_ID)
        finished |= following == EOS_ID
        columns.append(following)
        if bool(finished.all()):
            break
        tokens = following[:, None]
    rows = torch.stack(columns, dim=1).tolist()
    return [[token for token in row if token not in (EOS_ID, PAD_ID)] for row in rows]
