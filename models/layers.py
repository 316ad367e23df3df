"""Transformer layers of the translators: pre-norm, sinusoidal positions, optional KV caches.

Attention masks are boolean, true where attention is allowed. The sizes are small, so the layers
favour few kernels over generality: keys, values and queries come from one projection.
"""

from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(slots=True)
class KeyValues:
    """Keys and values of one attention, growing along time: (batch, heads, time, d_head)."""

    keys: Tensor | None = None
    values: Tensor | None = None

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add time steps; returns all keys and values."""
        if self.keys is not None and self.values is not None:
            keys = torch.cat((self.keys, keys), dim=2)
            values = torch.cat((self.values, values), dim=2)
        self.keys, self.values = keys, values
        return keys, values

    def truncate(self, length: int) -> None:
        """Forget all time steps from `length` on."""
        if self.keys is not None and self.values is not None and length < self.length:
            self.keys, self.values = self.keys[:, :, :length], self.values[:, :, :length]

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch, which may repeat."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[rows], self.values[rows]

    @property
    def length(self) -> int:
        """Number of time steps held."""
        return 0 if self.keys is None else self.keys.shape[2]


@dataclass(slots=True)
class LayerCache:
    """Caches of one decoder layer."""

    own: KeyValues = field(default_factory=KeyValues)
    cross: KeyValues = field(default_factory=KeyValues)


class SequenceDropout(nn.Module):
    """Dropout that drops the same features at all time steps of a row (Gal and Ghahramani 2016).

    Drawing one mask per row instead of one per time step takes almost no time, while ordinary
    dropout costs a seventh of a training step on a CPU.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self._rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Drop features of x (batch, time, d) while training."""
        if not self.training or self._rate == 0.0:
            return x
        kept = torch.rand(x.shape[0], 1, x.shape[2], device=x.device) >= self._rate
        return x * kept.to(x.dtype).div_(1 - self._rate)


class SelfAttention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor, mask: Tensor | None, *, cache: KeyValues | None = None) -> Tensor:
        """Attend within x: (batch, time, d).

        Args:
            x: new time steps.
            mask: broadcastable to (batch, heads, new time, all time), or None for no limit.
            cache: earlier time steps, extended by this call.
        """
        q, k, v = split_parts(self.qkv(x), 3, self.n_heads)
        if cache is not None:
            k, v = cache.append(k, v)
        attended = attend(q, k, v, mask)
        out: Tensor = self.out(merge_heads(attended))
        return out


class CrossAttention(nn.Module):
    """Multi-head attention from the target to the encoded source."""

    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(d_model, d_model)
        self.key_value = nn.Linear(d_model, 2 * d_model)
        self.out = nn.Linear(d_model, d_model)

    def project(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of encoded source steps: (batch, heads, time, d_head) each."""
        keys, values = split_parts(self.key_value(memory), 2, self.n_heads)
        return keys, values

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Attend from x (batch, time, d) to projected source steps."""
        q = split_heads(self.query(x), self.n_heads)
        attended = attend(q, keys, values, mask)
        out: Tensor = self.out(merge_heads(attended))
        return out


class FeedForward(nn.Module):
    """Two linear layers with ReLU."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.inner = nn.Linear(d_model, d_ff)
        self.outer = nn.Linear(d_ff, d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each time step of x: (batch, time, d)."""
        out: Tensor = self.outer(F.relu(self.inner(x)))
        return out


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, pre-norm."""

    def __init__(self, d_model: int, n_heads: int, d_ff: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(d_model)
        self.attention = SelfAttention(d_model, n_heads)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.dropout = SequenceDropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None, *, cache: KeyValues | None = None) -> Tensor:
        """One layer over x: (batch, time, d)."""
        x = x + self.dropout(self.attention(self.attention_norm(x), mask, cache=cache))
        x = x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        return x


class DecoderLayer(nn.Module):
    """Self-attention, cross-attention and feed-forward, pre-norm."""

    def __init__(self, d_model: int, n_heads: int, d_ff: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(d_model)
        self.attention = SelfAttention(d_model, n_heads)
        self.cross_norm = nn.LayerNorm(d_model)
        self.cross = CrossAttention(d_model, n_heads)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.dropout = SequenceDropout(dropout)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        keys: Tensor,
        values: Tensor,
        cross_mask: Tensor | None,
        *,
        cache: KeyValues | None = None,
    ) -> Tensor:
        """One layer over x (batch, time, d) with projected source keys and values."""
        x = x + self.dropout(self.attention(self.attention_norm(x), mask, cache=cache))
        x = x + self.dropout(self.cross(self.cross_norm(x), keys, values, cross_mask))
        x = x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        return x


def decoder_layers(modules: nn.ModuleList) -> list[DecoderLayer]:
    """The layers of a module list, typed."""
    return cast(list[DecoderLayer], list(modules))


def attend(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, dropout: float = 0.0
) -> Tensor:
    """Scaled dot-product attention: (batch, heads, time, d_head).

    Gradients go through plain matrix products: torch's fused kernel takes several times as long to
    go back through the short rows of a small model on a CPU.

    Args:
        queries: (batch, heads, time, d_head).
        keys: (batch, heads, positions, d_head).
        values: like `keys`.
        mask: true where attention is allowed, broadcastable to (batch, heads, time, positions).
        dropout: part of the weights that is dropped.
    """
    if not (torch.is_grad_enabled() and queries.requires_grad):
        return F.scaled_dot_product_attention(
            queries, keys, values, attn_mask=mask, dropout_p=dropout
        )
    scores = queries @ keys.mT * queries.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    weights = F.dropout(scores.softmax(dim=-1).to(values.dtype), dropout)
    return weights @ values


def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """(batch, time, d) to (batch, heads, time, d_head)."""
    batch, time, d_model = x.shape
    return x.view(batch, time, n_heads, d_model // n_heads).transpose(1, 2)


def split_parts(x: Tensor, n_parts: int, n_heads: int) -> tuple[Tensor, ...]:
    """(batch, time, parts · d) to (batch, heads, time, d_head) of each part, as views."""
    batch, time, width = x.shape
    heads = x.view(batch, time, n_parts, n_heads, width // (n_parts * n_heads))
    return heads.permute(2, 0, 3, 1, 4).unbind()


def merge_heads(x: Tensor) -> Tensor:
    """(batch, heads, time, d_head) to (batch, time, d)."""
    batch, _, time, _ = x.shape
    return x.transpose(1, 2).reshape(batch, time, -1)


def causal_mask(n_new: int, n_all: int, device: torch.device) -> Tensor:
    """Mask under which new step i, the (n_all − n_new + i)-th, sees itself and all before it."""
    ones = torch.ones(n_new, n_all, dtype=torch.bool, device=device)
    return ones.tril(diagonal=n_all - n_new)


def row_mask(lengths: Tensor, n_steps: int) -> Tensor:
    """(batch, time): true at the steps within each length."""
    return torch.arange(n_steps, device=lengths.device) < lengths[:, None]


def padding_mask(lengths: Tensor, n_steps: int) -> Tensor:
    """(batch, 1, 1, time): true at the steps within each length."""
    return row_mask(lengths, n_steps)[:, None, None, :]
