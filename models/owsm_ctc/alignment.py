"""CTC forced alignment: the frames on which the tokens of a known text were spoken."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.owsm_ctc.decoding import Run
from models.owsm_ctc.geometry import BLANK_ID


class AlignmentError(ValueError):
    """The text cannot be aligned: it has no tokens, or more than the audio's frames can hold."""


def align_tokens(log_probs: NDArray[np.float32], token_ids: list[int]) -> list[Run]:
    """Return the most probable frames of each token (Viterbi), in order, one run for each.

    Args:
        log_probs: (frames, vocabulary), natural logarithm.
        token_ids: the text, without blanks.

    Raises:
        AlignmentError: there are no tokens, or too few frames for them.
    """
    n_frames = log_probs.shape[0]
    repeats = sum(a == b for a, b in pairwise(token_ids))
    if not token_ids:
        raise AlignmentError("the text to align has no tokens")
    if n_frames < len(token_ids) + repeats:
        raise AlignmentError(
            f"{n_frames} frames (80 ms each) cannot hold the {len(token_ids)} tokens of the text"
        )
    states = _viterbi_states(log_probs, token_ids)
    runs = []
    for position, token_id in enumerate(token_ids):
        frames = np.flatnonzero(states == 2 * position + 1)
        first, last = int(frames[0]), int(frames[-1])
        confidence = float(np.exp(log_probs[first : last + 1, token_id]).mean())
        runs.append(Run(token_id, first, last, confidence))
    return runs


def _viterbi_states(log_probs: NDArray[np.float32], token_ids: list[int]) -> NDArray[np.int64]:
    """Return the state of each frame; states are blank, token 0, blank, token 1, … , blank."""
    n_states = 2 * len(token_ids) + 1
    labels = np.full(n_states, BLANK_ID)
    labels[1::2] = token_ids
    # A token may follow another without a blank between, unless they are the same.
    skips = np.zeros(n_states, dtype=bool)
    skips[3::2] = labels[3::2] != labels[1:-2:2]
    scores = np.full(n_states, -np.inf)
    scores[:2] = log_probs[0, labels[:2]]
    steps = np.zeros((log_probs.shape[0], n_states), dtype=np.int8)  # states advanced by: 0, 1, 2
    candidates = np.full((3, n_states), -np.inf)
    for frame in range(1, log_probs.shape[0]):
        candidates[0] = scores
        candidates[1, 1:] = scores[:-1]
        candidates[2, 2:] = np.where(skips[2:], scores[:-2], -np.inf)
        steps[frame] = candidates.argmax(axis=0)
        scores = candidates.max(axis=0) + log_probs[frame, labels]
    state = n_states - 1 if scores[-1] >= scores[-2] else n_states - 2
    states = np.empty(log_probs.shape[0], dtype=np.int64)
    for frame in range(log_probs.shape[0] - 1, -1, -1):
        states[frame] = state
        state -= int(steps[frame, state])
    return states
