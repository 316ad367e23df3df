"""Hot words: names and terms that a recogniser is to expect, one phrase a line in a file."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.owsm_ctc.vocabulary import Vocabulary

_MAX_PHRASES = 1000
_MAX_CHARACTERS = 100


class HotWordsError(ValueError):
    """A file of hot words that cannot be read or used; the message names the line."""


def read_hot_words(path: Path) -> list[str]:
    """The phrases of a file; empty lines and those that begin with # are left out.

    Raises:
        HotWordsError: it is no text, or has too many or too long lines.
        OSError: it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise HotWordsError(f"{path}: not UTF-8 text") from error
    phrases = [" ".join(line.split()) for line in lines]
    phrases = [phrase for phrase in phrases if phrase and not phrase.startswith("#")]
    if len(phrases) > _MAX_PHRASES:
        raise HotWordsError(f"{path}: has {len(phrases)} phrases; at most {_MAX_PHRASES}")
    for phrase in phrases:
        if len(phrase) > _MAX_CHARACTERS:
            raise HotWordsError(f"{path}: {phrase[:20]!r}… is longer than {_MAX_CHARACTERS}")
    return phrases


def encode_hot_words(phrases: Iterable[str], vocabulary: "Vocabulary") -> list[list[int]]:
    """Token ids of each phrase as the recogniser would write it, in its case or in small letters.

    Raises:
        HotWordsError: the recogniser has no tokens to write a phrase with.
    """
    encoded = []
    for phrase in phrases:
        spellings = [vocabulary.encode(text) for text in {phrase: None, phrase.lower(): None}]
        possible = [ids for ids in spellings if vocabulary.unknown_id not in ids]
        if not possible:
            raise HotWordsError(f"the hot word {phrase!r} has letters that the recogniser lacks")
        encoded += possible
    return encoded
