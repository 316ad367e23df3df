"""Losses that fine-tune a CTC model on n-grams, wherever in its output they stand.

CTC and cross entropy punish a translation that says the right thing in another order. These two
look for the n-grams of the target anywhere in the output:

* **NMLA**, non-monotonic latent alignment with bigrams (Shao and Feng 2022, arXiv 2210.03953): one
  minus the F1 score of the expected bigrams of the output against those of the target;
* **EISL**, the edit-invariant sequence loss (Liu et al. 2022, arXiv 2106.15078): the cross entropy
  of each n-gram of the target at the places where the model is likeliest to write it. The paper's
  outputs have no blanks and its weights are drawn from a Gumbel softmax; ours marginalise over the
  paths of CTC, and the weights are the softmax itself.

Both rest on one fact. In a path, an output token *a* is followed by *b* exactly where a slot with
a, some number of blanks, and a slot with b come after each other; equal tokens need a blank
between them. Slots are independent, so the probability of that is a product.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.ctc_paths import BLANK_ID
from models.layers import row_mask


def nmla_loss(log_probs: Tensor, n_slots: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
    """1 − F1 of expected bigrams against those of the target: (batch,), from 0 to 1.

    Args:
        log_probs: of every label in every slot, (batch, slots, vocabulary).
        n_slots: valid slots of each row, (batch,).
        targets: label ids, (batch, n), padded with anything.
        lengths: of the targets, (batch,).

    Returns:
        Zero, and no gradient, for targets without a bigram.
    """
    log_probs = _blank_outside(log_probs, n_slots)
    own = row_mask(lengths, targets.shape[1])
    label_probs = _label_log_probs(log_probs, targets, own).exp()
    following = label_probs @ _gaps(log_probs)  # (batch, n, slots): of ending before each slot
    adjacent = _adjacent(label_probs)
    same = targets[:, :, None] == targets[:, None, :]
    expected = following @ label_probs.mT - same * (adjacent @ label_probs.mT)
    of_target = expected[:, :-1, 1:].diagonal(dim1=1, dim2=2)  # of each bigram of the target
    is_bigram = own[:, 1:]
    # A bigram that occurs m times in the target can match m times: each takes an m-th of both.
    pairs = torch.stack((targets[:, :-1], targets[:, 1:]), dim=-1)
    equal = (pairs[:, :, None] == pairs[:, None]).all(dim=-1) & is_bigram[:, None]
    n_equal = equal.sum(dim=2).clamp(min=1)
    matched = (of_target / n_equal).clamp(max=1.0).masked_fill(~is_bigram, 0.0).sum(dim=1)
    n_target = is_bigram.sum(dim=1)
    f1 = 2 * matched / (_expected_bigrams(log_probs) + n_target).clamp(min=1e-6)
    return torch.where(n_target > 0, 1 - f1, 0.0)


def eisl_loss(
    log_probs: Tensor,
    n_slots: Tensor,
    targets: Tensor,
    lengths: Tensor,
    orders: Sequence[int] = (2, 3, 4),
) -> Tensor:
    """Mean over n-grams of the target of −Σ q log p over the slots where they may stand: (batch,).

    p is the probability that the n-gram stands in the output with its first token ending in a
    slot, and q is p normalised over the slots.

    Args:
        log_probs: of every label in every slot, (batch, slots, vocabulary).
        n_slots: valid slots of each row, (batch,).
        targets: label ids, (batch, n), padded with anything.
        lengths: of the targets, (batch,).
        orders: lengths of the n-grams, 2 or more; those that a target is too short for do not
            count.

    Returns:
        Zero, and no gradient, for targets that are too short for any.
    """
    log_probs = _blank_outside(log_probs, n_slots)
    own = row_mask(lengths, targets.shape[1])
    labels = _label_log_probs(log_probs, targets, own)  # (batch, n, slots)
    gaps = _log_gaps(log_probs)
    never = torch.finfo(log_probs.dtype).min / 4
    losses = log_probs.new_zeros(len(targets))
    n_orders = log_probs.new_zeros(len(targets))
    for order in orders:
        n_grams = targets.shape[1] - order + 1
        if n_grams < 1:
            continue
        scores = labels[:, order - 1 :]  # of the last token beginning in each slot
        for step in range(order - 2, -1, -1):
            tokens = slice(step, step + n_grams)
            same = targets[:, tokens] == targets[:, step + 1 : step + 1 + n_grams]
            exits = _before(scores, gaps, same, never)
            # Of the first token, only where it ends counts; of those between, where they begin.
            scores = _begin(labels[:, tokens], exits) if step else labels[:, tokens] + exits
            scores = scores.clamp(min=never)
        real = own[:, order - 1 :]
        weights = scores.softmax(dim=-1).detach()
        # Slots where the n-gram cannot stand weigh nothing.
        each = -(weights * scores.clamp(min=never / 8)).sum(dim=-1)
        fits = scores.amax(dim=-1) > never / 8
        counted = real & fits
        losses = losses + (each * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1)
        n_orders = n_orders + counted.any(dim=1)
    return losses / n_orders.clamp(min=1)


def _begin(labels: Tensor, exits: Tensor) -> Tensor:
    """Log-probability of a token that begins in each slot and goes on as `exits` says.

    b_j = p_j (e_j + b_{j+1}): it ends in the slot or stays for the next.

    Args:
        labels: log-probability of the token in each slot, (batch, n, slots).
        exits: of what follows if it ends in each slot, (batch, n, slots).
    """
    begins = [labels[:, :, -1] + exits[:, :, -1]]
    for slot in range(labels.shape[2] - 2, -1, -1):
        begins.append(labels[:, :, slot] + torch.logaddexp(exits[:, :, slot], begins[-1]))
    return torch.stack(begins[::-1], dim=2)


def _before(scores: Tensor, gaps: Tensor, same: Tensor, never: float) -> Tensor:
    """Log-probability that a token begins after each slot, blanks between: (batch, n, slots).

    Args:
        scores: of its beginning in each slot, (batch, n, slots).
        gaps: as `_log_gaps` returns them.
        same: whether the token before it is equal, (batch, n).
        never: log-probability of what cannot be.
    """
    reach = gaps[:, None].expand(-1, scores.shape[1], -1, -1)
    n_slots = scores.shape[2]
    step = torch.arange(n_slots, device=scores.device)
    next_slot = step[None, :] == step[:, None] + 1
    reach = reach.masked_fill(same[:, :, None, None] & next_slot, never)
    return torch.logsumexp(reach + scores[:, :, None, :], dim=-1)


def _blank_outside(log_probs: Tensor, n_slots: Tensor) -> Tensor:
    """The same, with certain blanks in the slots that a row does not have."""
    outside = ~row_mask(n_slots, log_probs.shape[1])[:, :, None]
    blank = torch.full_like(log_probs[:1, :1], torch.finfo(log_probs.dtype).min / 4)
    blank[..., BLANK_ID] = 0.0
    return torch.where(outside, blank, log_probs)


def _label_log_probs(log_probs: Tensor, targets: Tensor, own: Tensor) -> Tensor:
    """Log-probability of each target label in each slot: (batch, n, slots); padding has none."""
    labels = targets.masked_fill(~own, BLANK_ID)
    picked = log_probs.mT.gather(1, labels[:, :, None].expand(-1, -1, log_probs.shape[1]))
    return picked.masked_fill(~own[:, :, None], torch.finfo(log_probs.dtype).min / 4)


def _log_gaps(log_probs: Tensor) -> Tensor:
    """Log-probability that all slots between i and j > i are blank: (batch, slots, slots)."""
    blanks = log_probs[:, :, BLANK_ID].clamp(min=-80.0).cumsum(dim=1)  # up to and with each slot
    before = torch.nn.functional.pad(blanks[:, :-1], (1, 0))
    between = before[:, None, :] - blanks[:, :, None]
    later = torch.ones_like(between, dtype=torch.bool).triu(diagonal=1)
    return between.masked_fill(~later, torch.finfo(log_probs.dtype).min / 4)


def _gaps(log_probs: Tensor) -> Tensor:
    """The same as probabilities."""
    return _log_gaps(log_probs).exp()


def _adjacent(label_probs: Tensor) -> Tensor:
    """Probabilities of the slot before: (batch, n, slots)."""
    return torch.nn.functional.pad(label_probs[:, :, :-1], (1, 0))


def _expected_bigrams(log_probs: Tensor) -> Tensor:
    """How many bigrams the output has in the mean, its length less one: (batch,)."""
    probs = log_probs.exp()
    blanks = probs[:, :, BLANK_ID]
    repeated = (probs[:, 1:] * probs[:, :-1]).sum(dim=-1) - blanks[:, 1:] * blanks[:, :-1]
    n_tokens = (1 - blanks).sum(dim=1) - repeated.sum(dim=1)
    return n_tokens - 1 + log_probs[:, :, BLANK_ID].sum(dim=1).exp()


NGRAM_LOSSES = {"nmla": nmla_loss, "eisl": eisl_loss}
