"""What the heads of the Levenshtein Transformer learn: one step of imitation per batch.

Three losses are added up (Gu et al. 2019): how many placeholders to open in a broken sequence,
what to fill them with, and what to delete of the model's own filling. Started from a sequence
that is there already, such a model does poorly; the cure (TM-LevT, Xu et al., EACL 2023) is a
first deletion before all this, which learns on the initial sequence, and whose outcome, united
with what the oracle deletes, is what the insertions learn on.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.layers import row_mask
from models.levenshtein import (
    PLACEHOLDER,
    align,
    delete,
    fill,
    insert_placeholders,
    oracle_deletions,
    oracle_insertions,
)
from models.levenshtein_transformer import MAX_PLACEHOLDERS, EditingNetwork, EncodedSource
from models.tokenizer import PAD_ID
from models.training.projection import smoothed_cross_entropy

_PLACEHOLDER_SMOOTHING = 0.01
_TOKEN_SMOOTHING = 0.1


def edit_loss(
    model: EditingNetwork, source: EncodedSource, initial: Tensor, target: Tensor
) -> Tensor:
    """Sum of the mean losses of all heads.

    Args:
        model: to be trained.
        source: of each row.
        initial: padded ids to start from, (batch, time); it may be empty.
        target: padded ids without BOS and EOS, (batch, target time).
    """
    first_deletion, predicted = _deletion_loss(model, source, initial, target)
    wrong = oracle_deletions(initial, align(initial, target))
    tokens = delete(initial, wrong | predicted)

    counts = oracle_insertions(align(tokens, target), target)
    lengths = _lengths(tokens)
    gaps = row_mask(lengths + 1, tokens.shape[1] + 1)
    logits = model.heads.count_placeholders(model.edit_states(tokens, source), lengths)
    insertion = F.cross_entropy(
        logits[gaps].float(),
        counts[gaps].clamp(max=MAX_PLACEHOLDERS),
        label_smoothing=_PLACEHOLDER_SMOOTHING,
    )

    opened = insert_placeholders(tokens, counts)
    places = opened == PLACEHOLDER
    states = model.edit_states(opened, source)[:, 1:-1][places]
    labels = target[:, : opened.shape[1]][places]
    filling = smoothed_cross_entropy(states, model.embedding.weight, labels, _TOKEN_SMOOTHING)

    with torch.no_grad():
        written = model.fill_placeholders(opened, source)
    deletion, _ = _deletion_loss(model, source, fill(opened, written), target)
    return first_deletion + insertion + filling + deletion


def drop_randomly(target: Tensor) -> Tensor:
    """Targets with a random part of their tokens taken out, from none to all, row by row."""
    scores = torch.rand(target.shape, device=target.device)
    cut = torch.rand(len(target), 1, device=target.device)
    return delete(target, scores < cut)


def _deletion_loss(
    model: EditingNetwork, source: EncodedSource, tokens: Tensor, target: Tensor
) -> tuple[Tensor, Tensor]:
    """Loss of the deletion head on a sequence, and what it deletes, (batch, time)."""
    real = tokens != PAD_ID
    if not bool(real.any()):
        return model.heads.offset.weight.new_zeros(()), torch.zeros_like(real)
    labels = oracle_deletions(tokens, align(tokens, target))
    logits = model.heads.judge(model.edit_states(tokens, source), _lengths(tokens)).float()
    loss = F.cross_entropy(logits[real], labels[real].long())
    return loss, (logits.argmax(dim=-1) == 1) & real


def _lengths(tokens: Tensor) -> Tensor:
    return (tokens != PAD_ID).sum(dim=1)
