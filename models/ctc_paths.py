"""Paths of connectionist temporal classification on token slots; no torch is imported here.

A path assigns one label to every slot; collapsing it (repetitions merged, blanks dropped) gives
the output. Blank is `PAD_ID` throughout.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.tokenizer import PAD_ID

BLANK_ID = PAD_ID


def collapse(path: Sequence[int]) -> list[int]:
    """Merge repetitions, drop blanks."""
    return [path[slot] for slot in written_slots(path)]


def written_slots(path: Sequence[int], start: int = 0) -> list[int]:
    """The slots from `start` on whose labels are the collapsed path: no repetition, no blank."""
    slots: list[int] = []
    last = path[start - 1] if start else BLANK_ID
    for slot in range(start, len(path)):
        label = path[slot]
        if label not in (last, BLANK_ID):
            slots.append(slot)
        last = label
    return slots


def last_written(path: Sequence[int], n: int) -> list[int]:
    """The last n labels of the collapsed path; fewer if it has no more."""
    written: list[int] = []
    for slot in range(len(path) - 1, -1, -1):
        if len(written) == n:
            break
        label = path[slot]
        if label not in (BLANK_ID, path[slot - 1] if slot else BLANK_ID):
            written.append(label)
    return written[::-1]


def best_path(log_probs: NDArray[np.float32], prefix: Sequence[int] = ()) -> list[int]:
    """Most probable path whose output begins with a forced prefix.

    The best alignment of the prefix up to some slot, followed by the best label of every later
    slot; the slot where the prefix ends is chosen so that the whole is most probable.

    Args:
        log_probs: (slots, vocabulary).
        prefix: labels that the output has to begin with.

    Raises:
        ValueError: the prefix does not fit into the slots.
    """
    begun = align_prefix(log_probs, prefix)
    rest: list[int] = log_probs[len(begun) :].argmax(axis=1).tolist()
    return begun + rest


def align_prefix(scores: NDArray[np.float32], prefix: Sequence[int]) -> list[int]:
    """The part of `best_path` up to the slot where the prefix ends.

    Args:
        scores: log-probabilities, normalised or not, (slots, vocabulary).
        prefix: labels that the output has to begin with.

    Raises:
        ValueError: the prefix does not fit into the slots.
    """
    if not prefix:
        return []
    total = len(scores)
    labels = np.full(2 * len(prefix) + 1, BLANK_ID)
    labels[1::2] = prefix
    skip = np.zeros(len(labels), dtype=bool)
    skip[3::2] = labels[3::2] != labels[1:-2:2]
    gains = scores[:, labels]  # (slots, states)
    alpha = np.full((total, len(labels)), -np.inf, dtype=np.float64)
    moves = np.zeros((total, len(labels)), dtype=np.int8)
    alpha[0, :2] = gains[0, :2]
    for slot in range(1, total):
        stay = alpha[slot - 1]
        one = np.concatenate(([-np.inf], stay[:-1]))
        two = np.where(skip, np.concatenate(([-np.inf, -np.inf], stay[:-2])), -np.inf)
        choices = np.stack((stay, one, two))
        moves[slot] = choices.argmax(axis=0)
        alpha[slot] = choices.max(axis=0) + gains[slot]
    rest = np.append(np.cumsum(scores.max(axis=1)[::-1])[::-1][1:], 0.0)
    ends = alpha[:, -2] + rest  # the last label is written in this slot
    end = int(ends.argmax())
    if not np.isfinite(ends[end]):
        raise ValueError(f"a prefix of {len(prefix)} tokens does not fit into {total} slots")
    path: list[int] = []
    state = len(labels) - 2
    for slot in range(end, -1, -1):
        path.append(int(labels[state]))
        state -= int(moves[slot, state])
    return path[::-1]
