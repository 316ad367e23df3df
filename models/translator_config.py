"""Configuration of the translators, and what their input is; torch is not imported here.

The engines that run exported networks need no more of a network than this.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import CheckpointError
from models.tokenizer import EOS_ID

KINDS = ("reta", "wait-k", "fretna")
FORMS = ("ctc", "levt", "hybrid", "stream")
"""How FReTNA writes; see `models.fretna`, `levenshtein_transformer` and `stream_fretna`."""


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
    """Target slots per source token (FReTNA, but for `levt`)."""
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

    def cache_shape(self, n_steps: int) -> tuple[int, int, int]:
        """Of the keys of so many steps: heads, steps, width of a head."""
        return self.n_heads, n_steps, self.d_model // self.n_heads

    def target_limit(self, n_source: int) -> int:
        """Most tokens that a translation may have: a model that finds no end must stop, too."""
        return min(2 * n_source + 16, self.max_target_tokens - 1)

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


def source_ids(tokens: Sequence[int], *, finished: bool) -> list[int]:
    """Model input of a source prefix: EOS marks a segment that is complete."""
    return [*tokens, EOS_ID] if finished else list(tokens)
