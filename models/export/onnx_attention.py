"""Attention as exported graphs have it: one row, caches as arguments, one node.

ONNX Runtime has multi-head attention as operators of its own. Written out, it is twenty nodes, and
at the length of a live update the nodes cost more than what they compute.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.onnx import symbolic_helper

from models.layers import EncoderLayer, SelfAttention, merge_heads, split_heads


def attend_behind(
    attention: SelfAttention,
    x: Tensor,
    cache: tuple[Tensor, Tensor],
    n_steps: Tensor,
    *,
    causal: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Self-attention of new steps behind those in a cache.

    ONNX Runtime writes the new keys and values to their place in the cache, and copies nothing
    where the caches that the graph is given and that it returns are the same memory.

    Args:
        attention: of the network.
        x: new steps, (1, new, d).
        cache: keys and values, (1, heads, most steps, d_head) each.
        n_steps: of all steps with the new ones, (1,), int32.
        causal: whether a new step sees itself and those before it, or all.

    Returns:
        (1, new, d), and the keys and values with those of the new steps.
    """
    attended, keys, values = _CachedAttention.apply(  # type: ignore[no-untyped-call]
        attention.qkv(x), *cache, n_steps - 1, n_steps, attention.n_heads, causal
    )
    return attention.out(attended), keys, values


def attend_through(
    layers: Sequence[EncoderLayer],
    x: Tensor,
    caches: Sequence[Tensor],
    n_steps: Tensor,
    *,
    causal: bool,
) -> tuple[Tensor, list[Tensor]]:
    """New steps (1, new, d) through layers, behind those in the caches, which are returned, too."""
    grown: list[Tensor] = []
    for layer, cache in zip(layers, pairs(caches), strict=True):
        attended, *cache_with_new = attend_behind(
            layer.attention, layer.attention_norm(x), cache, n_steps, causal=causal
        )
        grown += cache_with_new
        x = x + attended
        x = x + layer.feed_forward(layer.feed_forward_norm(x))
    return x, grown


def pairs(caches: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of each layer, out of a row of them."""
    return list(zip(caches[::2], caches[1::2], strict=True))


def attend_heads(queries: Tensor, keys: Tensor, values: Tensor, n_heads: int) -> Tensor:
    """Multi-head attention: (1, new, d), (1, all, d), (1, all, d) → (1, new, d)."""
    attended: Tensor = _MultiHeadAttention.apply(  # type: ignore[no-untyped-call]
        queries, keys, values, n_heads
    )
    return attended


class _CachedAttention(torch.autograd.Function):
    """Grouped-query attention, whose groups are of one head."""

    @staticmethod
    def forward(
        ctx: Any,
        qkv: Tensor,
        past_keys: Tensor,
        past_values: Tensor,
        last: Tensor,
        n_steps: Tensor,
        n_heads: int,
        causal: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        n_new, n_all = qkv.shape[1], int(n_steps)
        queries, keys, values = (split_heads(x, n_heads) for x in qkv.chunk(3, dim=-1))
        keys = past_keys.slice_scatter(keys, 2, n_all - n_new, n_all)
        values = past_values.slice_scatter(values, 2, n_all - n_new, n_all)
        scores = queries @ keys[:, :, :n_all].mT * queries.shape[-1] ** -0.5
        if causal:
            unseen = torch.ones(n_new, n_all, dtype=torch.bool).triu(n_all - n_new + 1)
            scores = scores.masked_fill(unseen, -torch.inf)
        attended = merge_heads(scores.softmax(dim=-1) @ values[:, :, :n_all])
        return attended, keys, values

    @staticmethod
    def symbolic(
        graph: Any,
        qkv: Any,
        past_keys: Any,
        past_values: Any,
        last: Any,
        n_steps: Any,
        n_heads: int,
        causal: bool,
    ) -> Any:
        absent = symbolic_helper._optional_input_placeholder_tensor(graph)  # type: ignore[no-untyped-call]
        attended, keys, values = graph.op(
            "com.microsoft::GroupQueryAttention",
            *(qkv, absent, absent, past_keys, past_values, last, n_steps),
            num_heads_i=n_heads,
            kv_num_heads_i=n_heads,
            causal_i=int(causal),
            outputs=3,
        )
        _, _, _, d_head = past_keys.type().sizes()
        attended.setType(past_keys.type().with_sizes([1, None, n_heads * d_head]))
        keys.setType(past_keys.type())
        values.setType(past_values.type())
        return attended, keys, values


class _MultiHeadAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, values: Tensor, n_heads: int) -> Tensor:
        queries, keys, values = (split_heads(x, n_heads) for x in (queries, keys, values))
        scores = queries @ keys.mT * queries.shape[-1] ** -0.5
        return merge_heads(scores.softmax(dim=-1) @ values)

    @staticmethod
    def symbolic(graph: Any, queries: Any, keys: Any, values: Any, n_heads: int) -> Any:
        node = graph.op(
            "com.microsoft::MultiHeadAttention", queries, keys, values, num_heads_i=n_heads
        )
        node.setType(queries.type())
        return node
