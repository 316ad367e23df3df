"""Settings of the streaming recogniser, and its presets."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FRAME_MS = 80
"""Length of an output frame of the acoustic model."""

_RANGES = {
    "step_ms": (FRAME_MS, 4_000),
    "first_step_ms": (FRAME_MS, 4_000),
    "right_context_ms": (0, 4_000),
    "n_agreeing": (0, 5),
    "left_context_s": (0.0, 20.0),
    "buffer_s": (2.0, 60.0),
    "certain_after_s": (0.5, 20.0),
    "text_endpoint_s": (0.2, 20.0),
    "empty_endpoint_s": (1.0, 20.0),
    "long_segment_s": (2.0, 60.0),
    "longest_segment_s": (2.0, 60.0),
    "long_pause_s": (0.0, 2.0),
    "fragment_hold_s": (0.0, 0.8),
    "lm_weight": (0.0, 5.0),
    "lm_bonus": (-20.0, 20.0),
    "hot_word_bonus": (0.0, 20.0),
    "min_evidence": (0.0, 10.0),
}


class RecognizerError(ValueError):
    """A setting of the recogniser that is out of range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerConfig:
    """How the recogniser trades delay, steadiness and computing time.

    The defaults are the preset `balanced`.

    Raises:
        RecognizerError: a value out of its range.
    """

    step_ms: int = 320
    """How much new sound starts a new recognition of the buffer; multiple of 80."""
    first_step_ms: int = 80
    """The same for the beginning of speech, until its first word is shown; the buffer is short
    then, so that such steps cost little."""
    right_context_ms: int = 640
    """How much sound must follow a word before it may be committed. More: later, fewer words
    missed."""
    n_agreeing: int = 1
    """How many earlier hypotheses, in a row, must hold a word before it is committed."""
    certain_after_s: float = 3.0
    """A word with this much sound behind it is committed without agreement."""
    left_context_s: float = 3.5
    """What is kept of the past, in front of the first word not committed, when the buffer is
    trimmed."""
    buffer_s: float = 10.0
    """Length from which the buffer is trimmed. Sets the computing time of a step."""
    text_endpoint_s: float = 1.2
    """No further word for this long after committed words: the segment ends (the voice detector
    may still hear speech, such as music)."""
    empty_endpoint_s: float = 2.4
    """A segment still without a word after this time starts anew."""
    long_segment_s: float = 20.0
    """A segment of this length ends at the next short pause between two words."""
    long_pause_s: float = 0.24
    """What counts as that pause."""
    longest_segment_s: float = 24.0
    """A segment of this length ends behind its last committed word, pause or not."""
    fragment_hold_s: float = 0.5
    """A word or two and then silence: for this long after the silence was noticed, further speech
    still continues the sentence."""
    language_model: bool = True
    """Search with the recogniser's language model, if it has one: fewer wrong words, a little more
    computing time."""
    lm_weight: float = 0.7
    """How much the language model counts against the sound, which counts 1."""
    lm_bonus: float = 2.0
    """What each token earns (natural logarithm), because a language model prefers few tokens.
    Weight and bonus suit the shipped recogniser best on 45 recordings of two speakers."""
    hot_word_bonus: float = 1.5
    """What each token of a hot word earns besides (natural logarithm)."""
    min_evidence: float = 0.6
    """What the squares of the confidences of a segment's words, 0 to 1 each, must add up to before
    any of them is shown, unless the voice detector is sure of speech before that. Noise gives a
    word or two that the network is unsure of, and squares count those little; speech soon has one
    that it is sure of, or several."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise RecognizerError(f"recogniser {name} is {value}; expected {low} to {high}")
        for name in ("step_ms", "first_step_ms"):
            if getattr(self, name) % FRAME_MS:
                raise RecognizerError(
                    f"recogniser {name} is {getattr(self, name)}; expected a multiple of {FRAME_MS}"
                )
        if self.buffer_s < self.left_context_s + self.certain_after_s:
            raise RecognizerError(
                f"recogniser buffer_s is {self.buffer_s}; expected at least left_context_s + "
                f"certain_after_s = {self.left_context_s + self.certain_after_s}"
            )
        if self.longest_segment_s < self.long_segment_s:
            raise RecognizerError(
                f"recogniser longest_segment_s is {self.longest_segment_s}; expected at least "
                f"long_segment_s = {self.long_segment_s}"
            )


def to_frames(seconds: float) -> int:
    """The nearest number of frames."""
    return round(seconds * 1000 / FRAME_MS)


PRESETS: Mapping[str, RecognizerConfig] = MappingProxyType(
    {
        "fast": RecognizerConfig(
            step_ms=240, right_context_ms=480, left_context_s=3.0, buffer_s=8.0
        ),
        "balanced": RecognizerConfig(),
        "careful": RecognizerConfig(
            step_ms=480, right_context_ms=800, n_agreeing=2, left_context_s=4.0, buffer_s=12.0
        ),
    }
)
"""`fast`: words early, more of them missed or wrong; `balanced`; `careful`: words later, close to
what the model makes of the whole recording."""
