"""The one spelling of transcripts: what the recogniser is trained on and scored against.

Lower case, letters, apostrophes inside words and single spaces; no punctuation, no digits.
Integers are spelled out, a few titles are written as they are spoken, and accents are folded for
English, as the public read-speech corpora do it.
"""

import re
import unicodedata
from functools import lru_cache

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_SPOKEN = {
    "en": {"mr": "mister", "mrs": "missus", "dr": "doctor", "etc": "et cetera", "ok": "okay"},
    "de": {"dr": "doktor", "hr": "herr", "usw": "und so weiter"},
}
_SYMBOLS = {
    "en": {"&": " and ", "%": " percent ", "+": " plus "},
    "de": {"&": " und ", "%": " prozent ", "+": " plus "},
}
_KEPT_ACCENTS = {"en": "", "de": "äöüß"}
_NUMBER = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(st|nd|rd|th)?", re.IGNORECASE)
_EDGE_APOSTROPHE = re.compile(r"(?<![^\W\d_])'|'(?![^\W\d_])")


def spell_integer(value: int) -> str:
    """Return the English words of a non-negative integer, without "and" and hyphens."""
    if value < 0:
        raise ValueError(f"value must not be negative, not {value}")
    if value >= 10**12:
        return " ".join(_ONES[int(digit)] for digit in str(value))
    for scale, name in _SCALES:
        if value >= scale:
            head, rest = divmod(value, scale)
            words = f"{spell_integer(head)} {name}"
            return f"{words} {spell_integer(rest)}" if rest else words
    if value < 20:
        return _ONES[value]
    tens, ones = divmod(value, 10)
    return f"{_TENS[tens]} {_ONES[ones]}" if ones else _TENS[tens]


def spell_ordinal(value: int) -> str:
    """Return the English words of the ordinal of a non-negative integer (21 is "twenty first")."""
    head, _, last = spell_integer(value).rpartition(" ")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return f"{head} {last}".strip()


def has_digits(text: str) -> bool:
    """Say whether reading the text aloud would need a reading of digits, which is ambiguous."""
    return any(character.isdigit() for character in text)


def normalize_transcript(text: str, lang: str = "en") -> str:
    """Return the text in the spelling of transcripts.

    Digits: integers of English text are spelled out ("42" is "forty two"); how a year or a
    telephone number is read is not guessed, so training data should drop rows with digits
    (`has_digits`). Digits of other languages are removed.

    Args:
        text: any text in the language.
        lang: "en" or "de"; German keeps its umlauts and sharp s.

    Raises:
        ValueError: the language has no spelling rules here.
    """
    if lang not in _SPOKEN:
        raise ValueError(f"lang must be one of {', '.join(sorted(_SPOKEN))}, not {lang!r}")
    text = unicodedata.normalize("NFC", text).casefold() if lang == "en" else text.lower()
    text = unicodedata.normalize("NFC", text)
    for quote in "’‘ʼ`´":
        text = text.replace(quote, "'")
    for symbol, words in _SYMBOLS[lang].items():
        text = text.replace(symbol, words)
    text = _NUMBER.sub(_spoken_number if lang == "en" else " ", text)
    kept = _KEPT_ACCENTS[lang]
    text = "".join(_fold(character, kept) for character in text)
    text = _EDGE_APOSTROPHE.sub(" ", text)
    spoken = _SPOKEN[lang]
    return " ".join(spoken.get(word, word) for word in text.split())


def _spoken_number(match: re.Match[str]) -> str:
    value = int(match[1].replace(",", ""))
    return f" {spell_ordinal(value) if match[2] else spell_integer(value)} "


@lru_cache(maxsize=4096)
def _fold(character: str, kept: str) -> str:
    """Return the plain letters of a character, the apostrophe, or a space."""
    if "a" <= character <= "z" or character == "'" or character in kept:
        return character
    base = unicodedata.normalize("NFKD", character)
    letters = "".join(part for part in base if "a" <= part <= "z")
    if letters:
        return letters
    if unicodedata.combining(character) or character == "\u00ad":
        return ""
    return {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "ð": "d", "þ": "th", "đ": "d"}.get(
        character, " "
    )
