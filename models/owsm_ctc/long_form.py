"""Cutting long audio into overlapping buffers, and joining what the model says about them.

Every buffer has the length the model knows from training. The first and last `context_s` seconds of
a buffer are only context; the `chunk` between them is kept. Encoder frame i of a chunk that begins
at second t is centred at t + 80·i + 70 ms, so chunks join without a shift.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.owsm_ctc.geometry import PREFIX_FRAMES, RATE_HZ

FRAMES_PER_S = 12.5
FRAME_SAMPLES = 1280  # 80 ms


@dataclass(frozen=True, slots=True)
class Buffering:
    """How long audio is cut; all lengths are whole frames of 80 ms.

    Raises:
        ValueError: the context is no multiple of 80 ms, below 80 ms, or leaves no chunk.
    """

    buffer_s: float
    context_s: float

    def __post_init__(self) -> None:
        """Check the context; see the class."""
        frames = self.context_s * FRAMES_PER_S
        # One frame of context is the least: a buffer has one encoder frame less than it has 80 ms.
        if not 1 <= frames < self.buffer_s * FRAMES_PER_S / 2 or abs(frames - round(frames)) > 1e-6:
            raise ValueError(
                f"context_s is {self.context_s}; it must be a multiple of 0.08 s from 0.08 s to "
                f"below half the buffer of {self.buffer_s} s"
            )

    @property
    def context_frames(self) -> int:
        """Encoder frames of context on each side."""
        return round(self.context_s * FRAMES_PER_S)

    @property
    def buffer_frames(self) -> int:
        """Frames of 80 ms in a buffer."""
        return int(self.buffer_s * FRAMES_PER_S)

    @property
    def chunk_frames(self) -> int:
        """Encoder frames kept from each buffer."""
        return self.buffer_frames - 2 * self.context_frames

    def cut(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (buffers, samples): the audio with context around it, zeros beyond its ends."""
        context = self.context_frames * FRAME_SAMPLES
        length = int(self.buffer_s * RATE_HZ)
        hop = length - 2 * context
        n_buffers = len(audio) // hop + 1
        padded = np.zeros((n_buffers - 1) * hop + length, dtype=np.float32)
        padded[context : context + len(audio)] = audio
        buffers: NDArray[np.float32] = np.stack(
            [padded[i * hop : i * hop + length] for i in range(n_buffers)]
        )
        return buffers

    def join(self, log_probs: Tensor, n_samples: int) -> Tensor:
        """Return the (frames, vocabulary) of the audio from those of its buffers.

        Args:
            log_probs: (buffers, frames, vocabulary) with the prefix frames in front.
            n_samples: length of the audio; frames beyond it are dropped.
        """
        first = PREFIX_FRAMES + self.context_frames
        kept = log_probs[:, first : first + self.chunk_frames]  # (buffers, chunk_frames, vocab)
        wanted = round(n_samples / RATE_HZ * FRAMES_PER_S)
        return kept.flatten(0, 1)[:wanted]

    def join_with_shift(self, log_probs: Tensor) -> Tensor:
        """Return the frames that ESPnet kept until 2026: two frames (160 ms) too early.

        The prefix frames are counted as audio there and nothing is dropped at the end. It is here
        only to check against older outputs.
        """
        kept = log_probs[:, : self.buffer_frames]
        return kept[:, self.context_frames : -self.context_frames].flatten(0, 1)
