"""What a recogniser returns: text, and tokens and words with times and confidence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.owsm_ctc.vocabulary import WORD_START


@dataclass(frozen=True, slots=True)
class Token:
    """One subword token as it was heard.

    Attributes:
        id: in the vocabulary.
        piece: the sentencepiece piece, with its word mark `▁`.
        start_s: where the frames that emitted it begin, in seconds of the audio.
        end_s: where they end. CTC emits in spikes, so this is not the end of the sound.
        confidence: mean probability of the token over those frames.
    """

    id: int
    piece: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Word:
    """One word with its times in seconds and its least confident token's confidence."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was heard.

    Attributes:
        text: without special tokens.
        tokens: the text's tokens, in order.
        language: the language token that the model emitted, such as `<deu>`.
    """

    text: str
    tokens: tuple[Token, ...]
    language: str

    @property
    def words(self) -> tuple[Word, ...]:
        """The tokens joined to words."""
        return join_words(self.tokens)


def join_words(tokens: Iterable[Token]) -> tuple[Word, ...]:
    """Return the words of tokens; a piece with the mark `▁` begins a word."""
    groups: list[list[Token]] = []
    for token in tokens:
        if token.piece.startswith(WORD_START) or not groups:
            groups.append([token])
        else:
            groups[-1].append(token)
    return tuple(word for group in groups if (word := _word(group)).text)


def _word(tokens: Sequence[Token]) -> Word:
    text = "".join(token.piece for token in tokens).replace(WORD_START, "")
    # A bare ▁ is often emitted well before its word: it says nothing about where the word begins.
    sounding = [token for token in tokens if token.piece != WORD_START] or list(tokens)
    confidence = min(token.confidence for token in tokens)
    return Word(text, sounding[0].start_s, sounding[-1].end_s, confidence)
