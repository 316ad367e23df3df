"""Scores of a few labels out of a large vocabulary, without ever holding all logits.

A translator's loss needs, of thousands of logits per token, those of a few labels and the
normaliser. The logits of a whole batch do not fit into a CPU's cache (4,000 tokens x 6,000 pieces
are 96 MB in single precision) and going over them several times takes longer than the network;
so they are made in blocks, forwards, and once more backwards.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_BLOCK_LOGITS = {"cpu": 3 << 20, "cuda": 100 << 20}
"""Logits that are held at once: what fits into a processor's cache; what keeps a GPU busy."""


@dataclass(frozen=True, slots=True)
class VocabularySample:
    """A part of the vocabulary that stands for all of it in one batch: sampled softmax.

    It holds every label of the batch and some of the other ids, each of which counts for as many
    as were left out (Jean et al. 2015, arXiv 1412.2007).
    """

    ids: Tensor
    """The ids in the sample, (n,)."""
    labels: Tensor
    """The labels of the batch as places in the sample, shape as given."""
    bias: Tensor
    """Added to the logits of the sample, (n,): log of how many ids each stands for."""


def sample_vocabulary(labels: Tensor, n_vocabulary: int, n_others: int) -> VocabularySample:
    """Draw a sample of the vocabulary around the labels of a batch.

    Args:
        labels: ids, of any shape.
        n_vocabulary: size of the vocabulary.
        n_others: how many ids are drawn of those that are not among the labels.
    """
    own: Tensor = torch.unique(labels)
    is_other = torch.ones(n_vocabulary, dtype=torch.bool, device=labels.device)
    is_other[own] = False
    others = is_other.nonzero()[:, 0]
    drawn = others[torch.randperm(len(others), device=labels.device)[:n_others]]
    ids = torch.cat((own, drawn))
    places = torch.empty(n_vocabulary, dtype=torch.long, device=labels.device)
    places[ids] = torch.arange(len(ids), device=labels.device)
    bias = torch.zeros(len(ids), device=labels.device)
    bias[len(own) :] = math.log(len(others) / max(1, len(drawn)))
    return VocabularySample(ids, places[labels], bias)


def project_labels(
    states: Tensor, weight: Tensor, labels: Tensor, bias: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Logits of each row's labels, and the log-sum-exp over the vocabulary.

    Args:
        states: (rows, d).
        weight: (vocabulary, d).
        labels: ids, (rows, n).
        bias: added to the logits within the log-sum-exp, without a gradient, (vocabulary,).

    Returns:
        (rows, n) and (rows,) in single precision, differentiable.
    """
    if torch.is_autocast_enabled(states.device.type):
        dtype = torch.get_autocast_dtype(states.device.type)
        states, weight = states.to(dtype), weight.to(dtype)
    scores: tuple[Tensor, Tensor] = _ProjectLabels.apply(  # type: ignore[no-untyped-call]
        states, weight, labels, bias
    )
    return scores


def smoothed_cross_entropy(
    states: Tensor, weight: Tensor, labels: Tensor, smoothing: float, n_sampled: int = 0
) -> Tensor:
    """Mean cross entropy of rows, label-smoothed; zero if there are no rows.

    Args:
        states: (rows, d).
        weight: (vocabulary, d).
        labels: one id each, (rows,).
        smoothing: part of the probability that is spread over the whole vocabulary.
        n_sampled: ids that stand for those that are no label in this batch (`VocabularySample`);
            0: the whole vocabulary.
    """
    if len(states) == 0:
        return states.sum()
    mean = states @ weight.mean(dim=0)  # of all logits: label smoothing spreads over them
    bias = None
    if n_sampled > 0:
        sample = sample_vocabulary(labels, len(weight), n_sampled)
        weight, labels, bias = weight[sample.ids], sample.labels, sample.bias
    logits, normaliser = project_labels(states, weight, labels[:, None], bias)
    return (normaliser - (1 - smoothing) * logits[:, 0] - smoothing * mean).mean()


@torch.no_grad()
def project_best(states: Tensor, weight: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of each row's labels (rows, n), and the id of its highest logit (rows,)."""
    picked, best = [], []
    for block, ids in _blocks(weight, states, labels):
        logits = block @ weight.T
        picked.append(logits.gather(1, ids).float())
        best.append(logits.argmax(dim=1))
    return torch.cat(picked), torch.cat(best)


class _ProjectLabels(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, states: Tensor, weight: Tensor, labels: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        picked, normalisers = [], []
        for block, ids in _blocks(weight, states, labels):
            logits = (block @ weight.T).float()
            picked.append(logits.gather(1, ids))
            if bias is not None:
                logits += bias
            normalisers.append(logits.logsumexp(dim=1))
        normaliser = torch.cat(normalisers)
        ctx.bias = bias
        ctx.save_for_backward(states, weight, labels, normaliser)
        return torch.cat(picked), normaliser

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        states, weight, labels, normaliser = ctx.saved_tensors
        of_states = []
        of_weight = torch.zeros(weight.shape, device=weight.device)
        parts = (states, labels, normaliser, *gradients)
        for block, ids, total, of_picked, of_total in _blocks(weight, *parts):
            logits = (block @ weight.T).float()
            if ctx.bias is not None:
                logits += ctx.bias
            # d logsumexp / d logits = softmax
            gradient = logits.sub_(total[:, None]).exp_().mul_(of_total[:, None])
            gradient = gradient.scatter_add_(1, ids, of_picked).to(weight.dtype)
            of_states.append(gradient @ weight)
            of_weight += gradient.T @ block
        return torch.cat(of_states), of_weight.to(weight.dtype), None, None


def _blocks(weight: Tensor, *rows: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Cut tensors of as many rows each into blocks."""
    n_rows = max(1, _BLOCK_LOGITS.get(weight.device.type, 3 << 20) // len(weight))
    return zip(*(torch.split(part, n_rows) for part in rows), strict=True)
