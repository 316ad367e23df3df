"""What the streaming recogniser knows of committed words: times and confidence, token by token."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from engine.acoustics import FRAME_CENTRE_S
from engine.agreement import Word
from engine.recognizer_config import FRAME_MS


@dataclass(frozen=True, slots=True)
class RecognizedToken:
    """One subword of a word, with session times as its word has them."""

    piece: str
    start_s: float
    end_s: float
    confidence: float
    """Mean probability over its frames, 0 to 1."""


@dataclass(frozen=True, slots=True)
class RecognizedWord:
    """One word of a segment."""

    text: str
    start_s: float
    """Session time, in seconds, to the precision of a frame (80 ms)."""
    end_s: float
    confidence: float
    """That of its least sure token, 0 to 1."""
    tokens: tuple[RecognizedToken, ...]


def timed_words(words: Iterable[Word], origin_s: float) -> tuple[RecognizedWord, ...]:
    """The words with session times; `origin_s` is that of the utterance's first frame."""
    origin_s += FRAME_CENTRE_S - FRAME_MS / 2000
    timed: list[RecognizedWord] = []
    for word in words:
        tokens = []
        # It may have moved a little since the word before it was committed.
        free_s = timed[-1].end_s if timed else -math.inf
        for token in word.tokens:
            start_s = max(free_s, origin_s + token.first_frame * FRAME_MS / 1000)
            free_s = max(start_s, origin_s + (token.last_frame + 1) * FRAME_MS / 1000)
            tokens.append(RecognizedToken(token.piece, start_s, free_s, token.confidence))
        start_s = tokens[0].start_s
        timed.append(RecognizedWord(word.text, start_s, free_s, word.confidence, tuple(tokens)))
    return tuple(timed)
