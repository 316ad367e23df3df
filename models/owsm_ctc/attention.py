"""Multi-head attention, feed-forward layer and sinusoidal positions of OWSM-CTC."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.layers import attend, merge_heads, split_heads

LAYER_NORM_EPS = 1e-12


def layer_norm(width: int) -> nn.LayerNorm:
    """Return a layer normalisation with the epsilon of the official models."""
    return nn.LayerNorm(width, eps=LAYER_NORM_EPS)


class Attention(nn.Module):
    """Multi-head attention of `x` over `memory`; self-attention if they are the same tensor."""

    def __init__(self, width: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.dropout = dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor, memory_mask: Tensor | None) -> Tensor:
        """Attend.

        Args:
            x: (batch, frames, width).
            memory: (batch, positions, width).
            memory_mask: (batch, 1, 1, positions), True where attended; None means everywhere.

        Returns:
            (batch, frames, width).
        """
        attended = attend(
            split_heads(self.query(x), self.n_heads),
            split_heads(self.key(memory), self.n_heads),
            split_heads(self.value(memory), self.n_heads),
            memory_mask,
            self.dropout if self.training else 0.0,
        )
        joined: Tensor = self.out(merge_heads(attended))
        return joined


class FeedForward(nn.Module):
    """Linear, activation, dropout, linear."""

    def __init__(
        self, width: int, inner: int, activation: Callable[[Tensor], Tensor], dropout: float
    ) -> None:
        super().__init__()
        self.expand = nn.Linear(width, inner)
        self.contract = nn.Linear(inner, width)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, width) to (…, width)."""
        contracted: Tensor = self.contract(self.dropout(self.activation(self.expand(x))))
        return contracted


class ScaledPositions(nn.Module):
    """Multiply by sqrt(width) and add sinusoids: sine on even channels, cosine on odd ones."""

    _table: Tensor

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("_table", sinusoids(512, width), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, positions, width) to the same shape."""
        n, table = x.shape[1], self._table
        if n > table.shape[0]:  # grow to the next power of two, so that it rarely happens
            table = sinusoids(1 << (n - 1).bit_length(), self.width).to(table)
            self._table = table  # another thread may have grown it further; it will again
        positioned: Tensor = self.dropout(x * math.sqrt(self.width) + table[:n])
        return positioned


def sinusoids(n: int, width: int) -> Tensor:
    """Return the (n, width) table sin(p / 10000^(2i/width)), cos(…), interleaved."""
    position = torch.arange(n, dtype=torch.float32)[:, None]
    rate = torch.exp(
        torch.arange(0, width, 2, dtype=torch.float32) * -(math.log(10_000.0) / width)
    )  # (width / 2,)
    angle = position * rate  # (n, width / 2)
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)  # (n, width)


def padding_mask(lengths: Tensor, total: int) -> Tensor | None:
    """Return the attention mask (batch, 1, 1, total), True up to each length.

    None for a single row that fills the batch: unmasked attention is faster.
    """
    if lengths.shape[0] == 1 and int(lengths[0]) == total:
        return None
    positions = torch.arange(total, device=lengths.device)
    return (positions[None, :] < lengths[:, None])[:, None, None, :]
