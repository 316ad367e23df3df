"""What the networks of all translators share: encoder of the source, frame, batches."""

from collections.abc import Sequence
from typing import ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.checkpoint import Checkpoint
from models.layers import (
    DecoderLayer,
    EncoderLayer,
    KeyValues,
    SequenceDropout,
    causal_mask,
    padding_mask,
)
from models.positions import sinusoids
from models.tokenizer import PAD_ID
from models.translator_config import TranslatorConfig


class SourceEncoder(nn.Module):
    """Embeds and encodes source tokens: (batch, time) to (batch, time, d)."""

    positions: Tensor

    def __init__(self, config: TranslatorConfig, embedding: nn.Embedding) -> None:
        super().__init__()
        self._causal = config.causal
        self._max_tokens = config.max_tokens
        self._scale = config.d_model**0.5
        self._embedding = (embedding,)  # shared: not a submodule of the encoder as well
        self.dropout = SequenceDropout(config.dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(config.d_model, config.n_heads, config.d_ff, config.dropout)
            for _ in range(config.n_encoder_layers)
        )
        self.norm = nn.LayerNorm(config.d_model)
        positions = torch.from_numpy(sinusoids(config.max_tokens, config.d_model))
        self.register_buffer("positions", positions, persistent=False)

    def forward(
        self, source: Tensor, lengths: Tensor | None, caches: list[KeyValues] | None = None
    ) -> Tensor:
        """Encode source tokens.

        Args:
            source: token ids, (batch, time).
            lengths: valid tokens of each row; None if all are.
            caches: one per layer: earlier tokens of the same source, extended by this call
                (causal encoders only).

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        start = caches[0].length if caches else 0
        n_new = source.shape[1]
        if start + n_new > self._max_tokens:
            raise ValueError(
                f"source of {start + n_new} tokens is longer than the {self._max_tokens} "
                "that the model reads"
            )
        x = self._embedding[0](source) * self._scale + self.positions[start : start + n_new]
        x = self.dropout(x)  # (batch, time, d)
        mask = None if lengths is None else padding_mask(lengths, n_new)
        if self._causal and n_new > 1:  # one token sees all before it and itself
            causal = causal_mask(n_new, start + n_new, source.device)
            mask = causal if mask is None else mask & causal
        for index, layer in enumerate(self.layers):
            x = layer(x, mask, cache=caches[index] if caches else None)
        encoded: Tensor = self.norm(x)
        return encoded

    def new_caches(self) -> list[KeyValues]:
        """Empty caches for a new source."""
        return [KeyValues() for _ in self.layers]


class TranslatorNetwork(nn.Module):
    """What the networks of all policies share.

    One embedding serves source, target and output; an encoder reads the source, further layers
    write the target.
    """

    kinds: ClassVar[tuple[str, ...]]
    """Kinds of checkpoint that hold such a network."""
    layer_type: ClassVar[type[DecoderLayer | EncoderLayer]] = DecoderLayer
    """What writes the target."""
    positions: Tensor

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__()
        self.config = config
        self._scale = config.d_model**0.5
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = SourceEncoder(config, self.embedding)
        self.layers = nn.ModuleList(
            self.layer_type(config.d_model, config.n_heads, config.d_ff, config.dropout)
            for _ in range(config.n_decoder_layers)
        )
        self.norm = nn.LayerNorm(config.d_model)
        positions = torch.from_numpy(sinusoids(self.max_steps(config), config.d_model))
        self.register_buffer("positions", positions, persistent=False)
        self._init_weights()

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, device: str) -> Self:
        """The network of a checkpoint, ready for inference.

        Raises:
            CheckpointError: it is of another kind or does not fit.
        """
        checkpoint.expect(*cls.kinds)
        model = cls(TranslatorConfig.from_dict(checkpoint.config))
        checkpoint.load_into(model)
        return model.to(device).eval()

    @staticmethod
    def max_steps(config: TranslatorConfig) -> int:
        """Most tokens or slots that the decoder writes."""
        raise NotImplementedError

    def project(self, states: Tensor) -> Tensor:
        """Logits of decoder states: (…, d) to (…, vocabulary)."""
        return F.linear(self.norm(states), self.embedding.weight)

    def _init_weights(self) -> None:
        """Xavier for linear layers; embeddings, which are also the head, of deviation 1/sqrt(d)."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=self.config.d_model**-0.5)


def pad(rows: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Token ids and lengths of rows of different length: (batch, time), (batch,)."""
    lengths = [len(row) for row in rows]
    width = max(lengths, default=0)
    ids = [[*row, *([PAD_ID] * (width - len(row)))] for row in rows]
    return (
        torch.tensor(ids, dtype=torch.long, device=device).view(len(rows), width),
        torch.tensor(lengths, dtype=torch.long, device=device),
    )
