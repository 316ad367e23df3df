"""Connectionist temporal classification on token slots: loss and alignment, in batches.

For what a path is, see `models.ctc_paths`.
"""

import torch
from torch import Tensor

from models.ctc_paths import BLANK_ID


def extend_with_blanks(targets: Tensor) -> Tensor:
    """Labels with a blank before, between and behind: (batch, n) to (batch, 2n + 1)."""
    batch, n = targets.shape
    extended = torch.full((batch, 2 * n + 1), BLANK_ID, dtype=targets.dtype, device=targets.device)
    extended[:, 1::2] = targets
    return extended


def label_scores(scores: Tensor, targets: Tensor) -> Tensor:
    """What every slot gives to each label of its target, the blanks between them included.

    Args:
        scores: log-probabilities, (batch, slots, vocabulary).
        targets: (batch, n).

    Returns:
        (batch, slots, 2n + 1), in the order of `extend_with_blanks`.
    """
    extended = extend_with_blanks(targets)[:, None, :].expand(-1, scores.shape[1], -1)
    return scores.gather(2, extended)


def ctc_loss(scores: Tensor, n_slots: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Negative log-probability of each target, summed over all its paths: (batch,).

    Torch's own loss wants, and differentiates, the log-probabilities of the whole vocabulary;
    this one only those of the labels, which is most of the time with thousands of pieces.

    Args:
        scores: log-probabilities as `label_scores` returns them, (batch, slots, 2n + 1).
        n_slots: valid slots of each row, (batch,).
        targets: label ids, (batch, n), padded with anything.
        target_lengths: (batch,).

    Returns:
        Zero, and no gradient, for rows whose target does not fit into their slots.
    """
    extended = extend_with_blanks(targets)
    never = torch.finfo(scores.dtype).min / 4
    alpha = _first(scores, never)
    for slot in range(1, scores.shape[1]):
        total = torch.logsumexp(_moves(alpha, extended, never), dim=0) + scores[:, slot]
        alpha = torch.where((slot < n_slots)[:, None], total, alpha)
    last_blank, last_label = alpha.gather(1, _ends(target_lengths)).unbind(dim=1)
    last_label = last_label.masked_fill(target_lengths == 0, never)
    losses = -torch.logaddexp(last_blank, last_label)
    return losses.masked_fill(losses > -never / 2, 0.0)


def best_alignment(
    scores: Tensor, n_slots: Tensor, targets: Tensor, target_lengths: Tensor
) -> Tensor:
    """Most probable path of each target (Viterbi), batched.

    Args:
        scores: as `label_scores` returns them, (batch, slots, 2n + 1); they need no normalisation
            per slot, which would add the same to every path.
        n_slots: valid slots of each row, (batch,).
        targets: label ids, (batch, n), padded with anything.
        target_lengths: (batch,).

    Returns:
        Labels per slot, (batch, slots): blank outside the valid slots, and for rows whose target
        does not fit into their slots.
    """
    extended = extend_with_blanks(targets)  # (batch, states)
    batch, total = scores.shape[:2]
    never = torch.finfo(scores.dtype).min / 4
    alpha = _first(scores, never)
    moves = torch.zeros(total, *alpha.shape, dtype=torch.uint8, device=targets.device)
    for slot in range(1, total):
        best, move = _moves(alpha, extended, never).max(dim=0)
        within = (slot < n_slots)[:, None]
        alpha = torch.where(within, best + scores[:, slot], alpha)
        moves[slot] = torch.where(within, move, torch.zeros_like(move)).to(torch.uint8)
    ends = _ends(target_lengths)
    end_scores = alpha.gather(1, ends)
    state = ends.gather(1, end_scores.argmax(dim=1, keepdim=True))[:, 0]
    fits = end_scores.max(dim=1).values > never / 2
    path = torch.full((batch, total), BLANK_ID, dtype=targets.dtype, device=targets.device)
    for slot in range(total - 1, -1, -1):
        label = extended.gather(1, state[:, None])[:, 0]
        keep = fits & (slot < n_slots)
        path[:, slot] = torch.where(keep, label, path[:, slot])
        state = (state - moves[slot].gather(1, state[:, None])[:, 0].long()).clamp(min=0)
    return path


def _first(scores: Tensor, never: float) -> Tensor:
    """Scores of the states after the first slot, which holds a blank or the first label."""
    alpha = torch.full_like(scores[:, 0], never)
    alpha[:, :2] = scores[:, 0, :2]
    return alpha


def _moves(alpha: Tensor, extended: Tensor, never: float) -> Tensor:
    """Scores of arriving in each state by staying, by one step, past a blank: (3, batch, states).

    A blank between two equal labels cannot be passed by.
    """
    skip = torch.zeros_like(extended, dtype=torch.bool)
    skip[:, 3::2] = extended[:, 3::2] != extended[:, 1:-2:2]
    one = torch.nn.functional.pad(alpha[:, :-1], (1, 0), value=never)
    two = torch.nn.functional.pad(alpha[:, :-2], (2, 0), value=never).masked_fill(~skip, never)
    return torch.stack((alpha, one, two))


def _ends(target_lengths: Tensor) -> Tensor:
    """The states that a path may end in, (batch, 2): the last blank, the last label."""
    last = 2 * target_lengths
    return torch.stack((last, (last - 1).clamp(min=0)), dim=1)
