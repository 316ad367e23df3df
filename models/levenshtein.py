"""Edits of the Levenshtein Transformer (Gu et al. 2019, arXiv 1905.11006), in batches.

One refinement deletes tokens, opens *placeholders* in the gaps between those that are left, and
fills them. Insertion and deletion cost 1 each; a substitution is one of both. The oracle edits
that turn a sequence into its target with the fewest operations are what the three heads learn.

Sequences are rows of token ids, padded with `PAD_ID`; there is no BOS or EOS in them, so n tokens
have n + 1 gaps: before the first, between, behind the last.
"""

import torch
from torch import Tensor

from models.layers import row_mask
from models.tokenizer import PAD_ID

PLACEHOLDER = -1
"""Stands where a token is to be filled in."""


def edit_distance(tokens: Tensor, targets: Tensor) -> Tensor:
    """Fewest insertions and deletions between the rows of two batches: (batch,).

    Args:
        tokens: padded ids, (batch, time).
        targets: padded ids, (batch, target time).
    """
    n_common = _common_subsequences(tokens, targets)[-1, :, -1]
    return (tokens != PAD_ID).sum(dim=1) + (targets != PAD_ID).sum(dim=1) - 2 * n_common


def align(tokens: Tensor, targets: Tensor) -> Tensor:
    """A longest common subsequence, as the target position of each token that belongs to it.

    Of several, that which keeps tokens as far to the left as possible.

    Args:
        tokens: padded ids, (batch, time).
        targets: padded ids, (batch, target time).

    Returns:
        Positions in the target, −1 for tokens outside the subsequence and for padding,
        (batch, time).
    """
    lengths = _common_subsequences(tokens, targets)
    batch, time = tokens.shape
    positions = torch.full((batch, time), -1, dtype=torch.long, device=tokens.device)
    column = torch.full((batch, 1), targets.shape[1], dtype=torch.long, device=tokens.device)
    for row in range(time, 0, -1):
        with_token, without = lengths[row].gather(1, column), lengths[row - 1].gather(1, column)
        kept = (with_token > without)[:, 0]
        # The first column that is as good: its target token is the one that stands for the row's.
        first = (lengths[row] < with_token).sum(dim=1)
        positions[kept, row - 1] = first[kept] - 1
        column = torch.where(kept, first - 1, column[:, 0])[:, None]
    return positions


def oracle_deletions(tokens: Tensor, alignment: Tensor) -> Tensor:
    """Which tokens have to go, (batch, time), given what `align` returned."""
    return (alignment < 0) & (tokens != PAD_ID)


def oracle_insertions(alignment: Tensor, targets: Tensor) -> Tensor:
    """How many placeholders belong into each gap once the deletions are done.

    Args:
        alignment: what `align` returned, (batch, time).
        targets: padded ids, (batch, target time).

    Returns:
        Counts per gap of the tokens that are left, 0 behind the last gap, (batch, time + 1).
    """
    batch, time = alignment.shape
    kept = alignment >= 0
    n_kept = kept.sum(dim=1)
    ends = (targets != PAD_ID).sum(dim=1)[:, None].expand(batch, time + 1).clone()
    compact = _compact(alignment, kept, PLACEHOLDER)
    within = row_mask(n_kept, time)
    ends[:, :time] = torch.where(within, compact, ends[:, :time])
    starts = torch.cat((ends.new_full((batch, 1), -1), ends[:, :-1]), dim=1)
    return (ends - starts - 1) * row_mask(n_kept + 1, time + 1)


def delete(tokens: Tensor, deleted: Tensor) -> Tensor:
    """Take tokens out and close the gaps.

    Args:
        tokens: padded ids, (batch, time).
        deleted: true for the tokens that go, (batch, time).

    Returns:
        Padded ids, as wide as the longest row that is left.
    """
    kept = ~deleted & (tokens != PAD_ID)
    width = int(kept.sum(dim=1).amax()) if kept.numel() else 0
    return _compact(tokens, kept, PAD_ID)[:, :width]


def insert_placeholders(tokens: Tensor, counts: Tensor) -> Tensor:
    """Open placeholders in the gaps.

    Args:
        tokens: padded ids, (batch, time).
        counts: placeholders per gap, (batch, at least time + 1); those behind the last gap of a
            row do not count.

    Returns:
        Ids with `PLACEHOLDER` among them, padded, as wide as the longest row.
    """
    batch, time = tokens.shape
    n_tokens = (tokens != PAD_ID).sum(dim=1)
    counts = counts[:, : time + 1] * row_mask(n_tokens + 1, time + 1)
    lengths = n_tokens + counts.sum(dim=1)
    width = int(lengths.amax())
    opened = tokens.new_full((batch, width + 1), PAD_ID)
    opened[:, :width].masked_fill_(row_mask(lengths, width), PLACEHOLDER)
    shifted = torch.arange(time, device=tokens.device) + counts.cumsum(dim=1)[:, :time]
    # Padding goes to the column behind the last, which is cut off.
    shifted = shifted.masked_fill(tokens == PAD_ID, width)
    return opened.scatter(1, shifted, tokens)[:, :width]


def fill(tokens: Tensor, predicted: Tensor) -> Tensor:
    """Put the predicted ids where the placeholders are: (batch, time) each."""
    return torch.where(tokens == PLACEHOLDER, predicted, tokens)


def _common_subsequences(tokens: Tensor, targets: Tensor) -> Tensor:
    """Lengths of the longest common subsequences of all beginnings.

    Each row of the table follows from the one before by a running maximum, so that only the time
    of the tokens is walked through step by step.

    Returns:
        (time + 1, batch, target time + 1).
    """
    batch, time = tokens.shape
    table = tokens.new_zeros(time + 1, batch, targets.shape[1] + 1)
    for row in range(time):
        same = (targets == tokens[:, row : row + 1]) & (targets != PAD_ID)
        best = torch.maximum(table[row, :, 1:], table[row, :, :-1] + same)
        table[row + 1, :, 1:] = best.cummax(dim=1).values if best.numel() else best
    return table


def _compact(values: Tensor, kept: Tensor, padding: int) -> Tensor:
    """The kept values of each row side by side, in order, then padding: (batch, time)."""
    order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)
    n_kept = kept.sum(dim=1)
    return values.gather(1, order).masked_fill(~row_mask(n_kept, values.shape[1]), padding)
