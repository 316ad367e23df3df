"""LibreTranslate's HTTP interface: what is asked for, and how the text is cut. No I/O."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs

MAX_CHARS = 5_000
MAX_WORDS = 40
"""Of a piece that is translated as one: what the models were trained on."""

NAMES = {
    "ar": "Arabic", "cs": "Czech", "de": "German", "en": "English", "es": "Spanish",
    "fr": "French", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch",
    "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "sv": "Swedish", "tr": "Turkish",
    "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip

_SENTENCE_END = re.compile(r"(?<=[.?!…。？！])\s+")


class RequestError(ValueError):
    """A request that cannot be met; the message is for the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationRequest:
    """What a client wants to have translated."""

    texts: tuple[str, ...]
    single: bool
    """Whether `q` was a text, not a list of them."""
    source: str
    target: str
    api_key: str

    @classmethod
    def parse(cls, body: bytes, content_type: str) -> "TranslationRequest":
        """Read a body, JSON or a form.

        Raises:
            RequestError: it is neither, or something is missing.
        """
        data = _fields(body, content_type)
        query = data.get("q")
        items = query if isinstance(query, list) else [query]
        texts = tuple(item for item in items if isinstance(item, str))
        if not texts or len(texts) < len(items):
            raise RequestError("q must be a text, or a list of texts")
        if sum(map(len, texts)) > MAX_CHARS:
            raise RequestError(f"q is longer than {MAX_CHARS} characters")
        if data.get("format", "text") != "text":
            raise RequestError("format must be text")
        return cls(
            texts=texts,
            single=not isinstance(query, list),
            source=_lang(data, "source"),
            target=_lang(data, "target"),
            api_key=str(data.get("api_key") or ""),
        )

    def answer(self, translations: list[str]) -> dict[str, object]:
        """The answer to this request."""
        return {"translatedText": translations[0] if self.single else translations}


def languages(sources: Iterable[str], target: str) -> list[dict[str, object]]:
    """The languages that texts are translated from, and the one into which."""
    targets: dict[str, list[str]] = {**{source: [target] for source in sources}, target: []}
    return [
        {"code": code, "name": NAMES.get(code, code), "targets": into}
        for code, into in targets.items()
    ]


def sentences(line: str) -> list[str]:
    """A line in pieces that can be translated as one each."""
    pieces = []
    for sentence in _SENTENCE_END.split(line.strip()):
        words = sentence.split()
        pieces += [" ".join(words[i : i + MAX_WORDS]) for i in range(0, len(words), MAX_WORDS)]
    return pieces


def _fields(body: bytes, content_type: str) -> dict[str, object]:
    try:
        text = body.decode()
        if "x-www-form-urlencoded" in content_type:
            return {key: values[0] for key, values in parse_qs(text, max_num_fields=20).items()}
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError("the body is neither JSON nor a form") from error
    if not isinstance(data, dict):
        raise RequestError("the body is not a JSON object")
    return data


def _lang(data: dict[str, object], key: str) -> str:
    lang = data.get(key)
    if not isinstance(lang, str) or not lang:
        raise RequestError(f"{key} is missing")
    return lang.partition("-")[0].lower()
