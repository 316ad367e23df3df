"""What all translators share: configuration, encoder of the source, frame of the network."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.checkpoint import Checkpoint
from models.errors import CheckpointError
from models.layers import (
    DecoderLayer,
    EncoderLayer,
    KeyValues,
    SequenceDropout,
    causal_mask,
    padding_mask,
    sinusoids,
)
from models.tokenizer import EOS_ID, PAD_ID

KINDS = ("reta", "wait-k", "fretna")
FORMS = ("ctc", "levt", "hybrid", "stream")
"""How FReTNA writes; see `models.fretna` and `models.stream_fretna`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatorConfig:
    """Sizes of a translator; stored in `config.json`."""

    kind: str
    source_lang: str
    target_lang: str
    vocab_size: int
    d_model: int = 256
    n_heads: int = 4
    d_ff: int = 1024
    n_encoder_layers: int = 4
    n_decoder_layers: int = 2
    dropout: float = 0.1
    max_tokens: int = 256
    """Longest source, in tokens with EOS, that the model reads."""
    upsampling: int = 2
    """Target slots per source token (FReTNA only)."""
    form: str = "ctc"
    """Which FReTNA it is: one of `FORMS` (FReTNA only)."""
    window: int = 4
    """Last source tokens whose slots an update fills anew (the `stream` form only)."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: a size is out of its range.
        """
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if self.form not in FORMS:
            raise ValueError(f"form {self.form!r} is not one of {', '.join(FORMS)}")
        for field in dataclasses.fields(self):
            if field.type is int and getattr(self, field.name) < 1:
                raise ValueError(f"{field.name} {getattr(self, field.name)} is less than 1")
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model {self.d_model} is not a multiple of n_heads {self.n_heads}")

    @property
    def causal(self) -> bool:
        """Whether the encoder sees no source token to the right (so that it can be cached)."""
        return self.kind == "wait-k" or (self.kind == "fretna" and self.form == "stream")

    @property
    def max_target_tokens(self) -> int:
        """Longest target, in tokens with BOS, of the autoregressive models."""
        return 2 * self.max_tokens

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of this configuration."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "TranslatorConfig":
        """Build from a JSON object; keys that belong to the model card are ignored.

        Raises:
            CheckpointError: a value is missing or out of range.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        try:
            return cls(**{key: value for key, value in data.items() if key in names})
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"configuration: {error}") from error


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
        positions = sinusoids(config.max_tokens, config.d_model)
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
        if self._causal:
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
        positions = sinusoids(self.max_steps(config), config.d_model)
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


def source_ids(tokens: Sequence[int], *, finished: bool) -> list[int]:
    """Model input of a source prefix: EOS marks a segment that is complete."""
    return [*tokens, EOS_ID] if finished else list(tokens)


def pad(rows: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Token ids and lengths of rows of different length: (batch, time), (batch,)."""
    lengths = [len(row) for row in rows]
    width = max(lengths, default=0)
    ids = [[*row, *([PAD_ID] * (width - len(row)))] for row in rows]
    return (
        torch.tensor(ids, dtype=torch.long, device=device).view(len(rows), width),
        torch.tensor(lengths, dtype=torch.long, device=device),
    )
