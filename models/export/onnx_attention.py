"""Attention as exported graphs have it: one row, caches as arguments, one node.

ONNX Runtime has multi-head attention as one operator of its own. Written out, it is twenty, and
at the length of a live update the nodes cost more than what they compute.
"""

from typing import Any

import torch
from torch import Tensor
from torch.onnx import symbolic_helper

from models.layers import SelfAttention, merge_heads, split_heads


def attend_behind(
    attention: SelfAttention, x: Tensor, past: Tensor, bias: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Self-attention of new steps behind past ones.

    Args:
        attention: of the network.
        x: new steps, (1, new, d).
        past: keys beside values of the steps before, (1, past, 2d).
        bias: added to the scores, (1, 1, new, past + new).

    Returns:
        (1, new, d), and keys beside values of the new steps, (1, new, 2d).
    """
    d_model = attention.out.in_features
    queries, new = torch.split(attention.qkv(x), [d_model, 2 * d_model], dim=-1)
    keys, values = split_pairs(torch.cat((past, new), dim=1), d_model)
    attended = attend_heads(queries, keys, values, attention.n_heads, bias)
    return attention.out(attended), new


def attend_heads(
    queries: Tensor, keys: Tensor, values: Tensor, n_heads: int, bias: Tensor | None = None
) -> Tensor:
    """Multi-head attention: (1, new, d), (1, all, d), (1, all, d) → (1, new, d)."""
    attended: Tensor = _MultiHeadAttention.apply(  # type: ignore[no-untyped-call]
        queries, keys, values, n_heads, bias
    )
    return attended


def split_pairs(pairs: Tensor, d_model: int) -> tuple[Tensor, Tensor]:
    """Keys and values out of keys beside values, (1, time, 2d), by one node."""
    keys, values = torch.split(pairs, [d_model, d_model], dim=-1)
    return keys, values


def causal_bias(n_new: int, n_past: int) -> Tensor:
    """Lets new step i see itself and all before it: (1, 1, new, past + new)."""
    never = torch.full((n_new, n_new), torch.finfo(torch.float32).min).triu(diagonal=1)
    return torch.cat((torch.zeros(n_new, n_past), never), dim=1)[None, None]


class _MultiHeadAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, keys: Tensor, values: Tensor, n_heads: int, bias: Tensor | None
    ) -> Tensor:
        queries, keys, values = (split_heads(x, n_heads) for x in (queries, keys, values))
        scores = queries @ keys.mT * queries.shape[-1] ** -0.5
        if bias is not None:
            scores = scores + bias
        return merge_heads(scores.softmax(dim=-1) @ values)

    @staticmethod
    def symbolic(graph: Any, queries: Any, keys: Any, values: Any, n_heads: int, bias: Any) -> Any:
        inputs = [queries, keys, values]
        if bias is not None and not symbolic_helper._is_none(bias):
            absent = symbolic_helper._optional_input_placeholder_tensor(graph)  # type: ignore[no-untyped-call]
            inputs += [absent, absent, bias]
        node = graph.op("com.microsoft::MultiHeadAttention", *inputs, num_heads_i=n_heads)
        node.setType(queries.type())
        return node
