"""Attention as exported graphs have it: one row, no batch, caches as arguments."""

import torch
from torch import Tensor

from models.layers import SelfAttention, attend


def attend_behind(
    attention: SelfAttention, x: Tensor, past: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Self-attention of new steps behind past ones.

    Args:
        attention: of the network.
        x: new steps, (new, d).
        past: keys and values of the steps before, (past, 2, d).
        mask: true where attention is allowed, (new, past + new); None: everywhere.

    Returns:
        (new, d), and the keys and values of the new steps (new, 2, d).
    """
    queries, keys, values = attention.qkv(x).chunk(3, dim=-1)
    attended = attend_heads(
        queries,
        torch.cat((past[:, 0], keys)),
        torch.cat((past[:, 1], values)),
        mask,
        attention.n_heads,
    )
    return attention.out(attended), torch.stack((keys, values), dim=1)


def attend_heads(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, n_heads: int
) -> Tensor:
    """Multi-head attention without a batch: (new, d) to (all, d)."""

    def split(part: Tensor) -> Tensor:
        return part.view(part.shape[0], n_heads, -1).transpose(0, 1)

    attended = attend(split(queries), split(keys), split(values), mask)  # (heads, new, d_head)
    return attended.transpose(0, 1).reshape(queries.shape)
