"""Captions by HTTP POST, as Zoom and YouTube take them. No I/O.

Both number the posts of a caption stream: the number grows by one with each caption, and stays
the same when a caption is posted again because the answer was an error or did not come.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from engine.captions import Caption

FIRST_SEQ = 1
_AGAIN = frozenset({400, 403, 405, 408, 429})

_REGIONS = {
    "ar": "ar-SA", "cs": "cs-CZ", "de": "de-DE", "en": "en-US", "es": "es-ES", "fr": "fr-FR",
    "it": "it-IT", "ja": "ja-JP", "ko": "ko-KR", "nl": "nl-NL", "pl": "pl-PL", "pt": "pt-PT",
    "ru": "ru-RU", "sv": "sv-SE", "tr": "tr-TR", "uk": "uk-UA", "zh": "zh-CN",
}  # fmt: skip
"""Zoom wants a region with the language."""


@dataclass(frozen=True, slots=True)
class Post:
    """One request."""

    url: str
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


class CaptionService(Protocol):
    """What one service wants."""

    @property
    def name(self) -> str:
        """For people; the address is a secret."""
        ...

    @property
    def seq_url(self) -> str | None:
        """Where the number of the last caption is told, if anywhere."""
        ...

    def post(self, caption: Caption, seq: int) -> Post:
        """The request that shows a caption."""
        ...


@dataclass(frozen=True, slots=True)
class Zoom:
    """Zoom's third-party captions; `url` is the token that a host copies in the meeting."""

    url: str
    name: str = "Zoom"

    @property
    def seq_url(self) -> str | None:
        """Where the number of the last caption is told."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/seq"))

    def post(self, caption: Caption, seq: int) -> Post:
        """The text alone."""
        lang = caption.target.lang
        url = _with_query(self.url, seq=str(seq), lang=_REGIONS.get(lang, lang))
        return Post(url, caption.target.full.encode("utf-8", "replace"))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True, slots=True)
class YouTube:
    """YouTube's HTTP captions; `url` is the caption ingestion URL of a live stream."""

    url: str
    name: str = "YouTube"
    now: Callable[[], datetime.datetime] = _now

    @property
    def seq_url(self) -> str | None:
        """Not told."""
        return None

    def post(self, caption: Caption, seq: int) -> Post:
        """The time when the words were spoken, UTC, and the text below it."""
        ago_s = max(caption.emitted_s - caption.start_s, 0.0)
        spoken = self.now() - datetime.timedelta(seconds=ago_s)
        stamp = f"{spoken:%Y-%m-%dT%H:%M:%S}.{spoken.microsecond // 1000:03}"
        text = f"{stamp}\n{caption.target.full}\n"
        return Post(_with_query(self.url, seq=str(seq)), text.encode("utf-8", "replace"))


def verdict(status: int | None) -> Literal["next", "again", "never"]:
    """What an HTTP status means for a caption; None: no answer came.

    `again`: post the same once more, with the same number. `never`: the service takes no captions
    at this address.
    """
    if status is None or status in _AGAIN or status >= 500:
        return "again"
    return "next" if 200 <= status < 300 else "never"


def _with_query(url: str, **fields: str) -> str:
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *fields.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))
