"""Greedy CTC decoding, with token times.

Times count from the first sample of the audio. Encoder frame i (after the two prefix frames)
is centred at 80·i + 70 ms and stands for the 80 ms around that.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.owsm_ctc.geometry import BLANK_ID

if TYPE_CHECKING:
    from torch import Tensor  # not imported: exported networks are searched without torch

FRAME_S = 0.08
FIRST_CENTRE_S = 0.07
_FIRST_START_S = FIRST_CENTRE_S - FRAME_S / 2  # 0.03 s


def frame_start_s(frame: int) -> float:
    """Return where the 80 ms of an encoder frame begin; prefix frames (negative) begin at 0 s."""
    return max(0.0, frame * FRAME_S + _FIRST_START_S)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive frames on which one token was the best; `last` is included."""

    token_id: int
    first: int
    last: int
    confidence: float


def greedy_runs(log_probs: "Tensor") -> list[Run]:
    """Return the runs of non-blank best tokens of (frames, vocabulary) log-probabilities."""
    values, best = log_probs.max(dim=-1)
    ids: list[int] = best.tolist()
    probabilities: list[float] = values.exp().tolist()
    runs: list[Run] = []
    first = 0
    for frame in range(1, len(ids) + 1):
        if frame < len(ids) and ids[frame] == ids[first]:
            continue
        if ids[first] != BLANK_ID:
            mean = sum(probabilities[first:frame]) / (frame - first)
            runs.append(Run(ids[first], first, frame - 1, mean))
        first = frame
    return runs
