"""Every size of an OWSM-CTC model, and its vocabulary.

The architecture is that of OWSM-CTC v3.1 / v4 (Peng et al., ACL 2024, arXiv 2402.12654); the
defaults are the small model of this project, about 5 M parameters with a vocabulary of 300.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

BLANK, UNKNOWN = "<blank>", "<unk>"
NO_PROMPT, NO_LANGUAGE = "<na>", "<nolang>"
TRANSCRIBE = "<asr>"

Subsampling = Literal["conv2d8", "depthwise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwsmCtcConfig:
    """Sizes and vocabulary of one model; the widths are in channels, the kernels in frames.

    Attributes:
        tokens: the whole vocabulary in the order of its ids; `<blank>` is 0, `<unk>` is 1.
        n_mels: mel bands; 80 in OWSM-CTC v3.1, 128 in v4.
        subsampling: `conv2d8` is the stem of the official models; `depthwise` has the same frame
            geometry at a seventh of the multiplications.
        subsampling_channels: channels inside the stem; 0 means `width`. `conv2d8` in the official
            models always has `width`.
        gate_width: inner width of the convolutional gating MLP (cgMLP); even.
        cross_attention_blocks: 0-based blocks that attend to the prompt.
        inter_ctc_blocks: 1-based blocks after which CTC is applied too; never the last block.
        self_conditioning: whether those CTC distributions are fed back into the encoder.
        prompt_width: width of the token embedding and of the prompt encoder. If it equals `width`,
            there are no projections between the two.
        buffer_s: seconds of audio that the model saw at most in training; the buffer of long form.
    """

    tokens: tuple[str, ...]
    n_mels: int = 80
    subsampling: Subsampling = "depthwise"
    subsampling_channels: int = 0
    width: int = 144
    n_blocks: int = 8
    n_heads: int = 4
    feed_forward_width: int = 576
    gate_width: int = 576
    gate_kernel: int = 15
    merge_kernel: int = 15
    cross_attention_blocks: tuple[int, ...] = (2, 5)
    inter_ctc_blocks: tuple[int, ...] = (3, 6)
    self_conditioning: bool = True
    prompt_width: int = 144
    prompt_blocks: int = 1
    prompt_heads: int = 4
    prompt_feed_forward_width: int = 576
    dropout: float = 0.1
    buffer_s: float = 30.0

    def __post_init__(self) -> None:
        """Raise ValueError, naming key, value and valid range, for the first setting that fails."""
        _check_vocabulary(self.tokens)
        positive = (
            "n_mels",
            "width",
            "n_blocks",
            "n_heads",
            "feed_forward_width",
            "gate_width",
            "gate_kernel",
            "merge_kernel",
            "prompt_width",
            "prompt_blocks",
            "prompt_heads",
            "prompt_feed_forward_width",
        )
        for name in positive:
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        # Three stride-2 convolutions of kernel 3 without padding need 15 bands for one output row.
        _require(self.n_mels >= 15, "n_mels", self.n_mels, "at least 15")
        _require(self.subsampling in ("conv2d8", "depthwise"), "subsampling", self.subsampling,
                 "conv2d8 or depthwise")  # fmt: skip
        _require(self.subsampling_channels >= 0, "subsampling_channels",
                 self.subsampling_channels, "0 (= width) or more")  # fmt: skip
        for name, heads in (("width", self.n_heads), ("prompt_width", self.prompt_heads)):
            width = getattr(self, name)
            _require(width % heads == 0, name, width, f"a multiple of its {heads} heads")
            _require(width % 2 == 0, name, width, "even, for the sinusoids")
        _require(self.gate_width % 2 == 0, "gate_width", self.gate_width, "even")
        for name in ("gate_kernel", "merge_kernel"):
            _require(getattr(self, name) % 2 == 1, name, getattr(self, name), "odd")
        _require(
            _ascending_within(self.cross_attention_blocks, 0, self.n_blocks - 1),
            "cross_attention_blocks",
            self.cross_attention_blocks,
            f"ascending block numbers from 0 to {self.n_blocks - 1}",
        )
        _require(
            _ascending_within(self.inter_ctc_blocks, 1, self.n_blocks - 1),
            "inter_ctc_blocks",
            self.inter_ctc_blocks,
            f"ascending block numbers from 1 to {self.n_blocks - 1}",
        )
        _require(0.0 <= self.dropout < 1.0, "dropout", self.dropout, "0 to below 1")
        _require(self.buffer_s > 0.0, "buffer_s", self.buffer_s, "above 0 s")

    @property
    def n_tokens(self) -> int:
        """Size of the vocabulary, special tokens included."""
        return len(self.tokens)

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as plain JSON values."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "OwsmCtcConfig":
        """Read the form written by `to_json`.

        Raises:
            ValueError: a key is unknown, `tokens` is missing, or a value is out of range.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown OWSM-CTC setting {unknown[0]!r}; known: {sorted(known)}")
        if "tokens" not in values:
            raise ValueError("the OWSM-CTC configuration lacks 'tokens', its vocabulary")
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**plain)


def _require(fact: bool, key: str, value: object, valid: str) -> None:
    if not fact:
        raise ValueError(f"OWSM-CTC configuration: {key} = {value!r}; it must be {valid}")


def _ascending_within(blocks: tuple[int, ...], low: int, high: int) -> bool:
    return list(blocks) == sorted(set(blocks)) and all(low <= block <= high for block in blocks)


def _check_vocabulary(tokens: tuple[str, ...]) -> None:
    if tokens[:2] != (BLANK, UNKNOWN):
        raise ValueError(
            f"OWSM-CTC vocabulary: begins with {tokens[:2]!r}; it must begin with "
            f"{BLANK!r}, {UNKNOWN!r}"
        )
    if len(set(tokens)) != len(tokens):
        seen: set[str] = set()
        twice = next(token for token in tokens if token in seen or seen.add(token))  # type: ignore[func-returns-value]
        raise ValueError(f"OWSM-CTC vocabulary: token {twice!r} occurs twice")
    for token in (NO_PROMPT, NO_LANGUAGE, TRANSCRIBE):
        if token not in tokens:
            raise ValueError(f"OWSM-CTC vocabulary: the special token {token!r} is missing")
    if tokens.index(NO_LANGUAGE) > tokens.index(TRANSCRIBE):
        raise ValueError(f"OWSM-CTC vocabulary: {NO_LANGUAGE!r} must stand before {TRANSCRIBE!r}")
