"""The caption: the one type that leaves the engine, and its JSON form.

Everything downstream (overlay, feed, journal, metrics) eats `Caption`. This module imports only
the standard library, so that a consumer pays for neither torch nor Qt.

Invariants, tested by property:

* within a segment, committed text only grows, on the source side and on the target side;
* revisions of a segment count 0, 1, 2 …;
* a final caption has no tentative text, and no further caption of its segment follows;
* `seq` counts the captions of a session without holes;
* the times of a committed word never change, and each step follows the one before it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar

FORMAT_VERSION = 1

T = TypeVar("T")


class ProtocolError(ValueError):
    """A message, or a sequence of captions, that breaks the rules of the caption format."""


class LoadState(StrEnum):
    """How a session stands with the time that it has; see `engine.load`."""

    KEEPING_UP = "keeping up"
    STRETCHED = "stretched"
    FINALS_ONLY = "finals only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text in one language: a committed prefix that will not change, and a tentative suffix."""

    lang: str
    committed: str
    tentative: str

    @property
    def full(self) -> str:
        """Committed and tentative text as one string, words separated by single spaces."""
        return " ".join(part for part in (self.committed, self.tentative) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class WordTimes:
    """When one committed word of the target came about, in session time.

    Each step is not earlier than the one before it. How the source word is found that a target
    word stands for is told in `engine.word_times`.
    """

    text: str
    spoken_s: float
    """The end of the source word."""
    recognised_s: float
    """Since when the source word was heard as it stays."""
    translated_s: float
    """Since when the target word, and all before it, stood in every hypothesis."""
    shown_s: float
    """Since when the target word, and all before it, were shown and stayed."""

    @property
    def delay_s(self) -> float:
        """Seconds from a word being said to its translation standing as it stays."""
        return self.shown_s - self.spoken_s


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFigures:
    """How a session stood when a caption left the engine."""

    normalized_erasure: float = 0.0
    """Words taken back for each one committed, in the whole session, this caption included."""
    delay_s: float | None = None
    """Mean of `WordTimes.delay_s` of the words committed lately, None before the first."""
    load: LoadState | None = None
    """Whether the machine keeps up; None where the source waits for it."""
    real_time_factor: float | None = None
    """Seconds of work for a second of source, lately; None while it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """One revision of one segment: what was heard and what it means."""

    session: str
    seq: int
    """Counts every caption of the session from 0: resume, order, loss detection."""
    segment: int
    revision: int
    """0, 1, 2 … within the segment; a higher one replaces a lower one."""
    source: Text
    target: Text
    final: bool
    """No further revision of this segment follows."""
    start_s: float
    """Session time of the first source audio used."""
    end_s: float
    """Session time of the last source audio used."""
    emitted_s: float
    """Session time when this caption left the engine."""
    erased: int
    """Words of the previous revision's target that this one takes back."""
    live: LiveFigures | None = field(default=None, hash=False)
    """None if nobody measured."""
    words: tuple[WordTimes, ...] = field(default=(), hash=False)
    """Times of the words of `target.committed`, as many as those; none if nobody noted them."""

    def to_dict(self, *, detail: bool = False) -> dict[str, Any]:
        """The JSON object of this caption, key order as documented; `detail` adds the words."""
        data = {
            "v": FORMAT_VERSION,
            "session": self.session,
            "seq": self.seq,
            "segment": self.segment,
            "revision": self.revision,
            "source": _text_to_dict(self.source),
            "target": _text_to_dict(self.target),
            "final": self.final,
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "emitted_s": round(self.emitted_s, 3),
            "erased": self.erased,
        }
        if self.live is not None:
            data["live"] = _rounded(self.live)
        if detail:
            data["words"] = [_rounded(word) for word in self.words]
        return data

    def to_json(self, *, detail: bool = False) -> str:
        """One line of JSON, without a line end; `detail` adds the words."""
        data = self.to_dict(detail=detail)
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str | bytes) -> "Caption":
        """Parse one JSON caption.

        Raises:
            ProtocolError: not JSON, another format version, or a field missing or of a wrong type.
        """
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"caption is not JSON: {error}") from error
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: object) -> "Caption":
        """Build a caption from its JSON object; unknown keys are ignored.

        Raises:
            ProtocolError: another format version, or a field missing or of a wrong type.
        """
        if not isinstance(data, dict):
            raise ProtocolError("caption is not a JSON object")
        if data.get("v") != FORMAT_VERSION:
            raise ProtocolError(f"caption format version {data.get('v')!r} is not {FORMAT_VERSION}")
        return cls(
            session=_get(data, "session", str),
            seq=_get(data, "seq", int),
            segment=_get(data, "segment", int),
            revision=_get(data, "revision", int),
            source=_text_from_dict(_get(data, "source", dict)),
            target=_text_from_dict(_get(data, "target", dict)),
            final=_get(data, "final", bool),
            start_s=_get_number(data, "start_s"),
            end_s=_get_number(data, "end_s"),
            emitted_s=_get_number(data, "emitted_s"),
            erased=_get(data, "erased", int),
            live=_live_from_dict(data["live"]) if "live" in data else None,
            words=tuple(map(_word_from_dict, _get(data, "words", list) if "words" in data else ())),
        )


def _text_to_dict(text: Text) -> dict[str, str]:
    return {"lang": text.lang, "committed": text.committed, "tentative": text.tentative}


def _text_from_dict(data: Mapping[str, Any]) -> Text:
    return Text(
        lang=_get(data, "lang", str),
        committed=_get(data, "committed", str),
        tentative=_get(data, "tentative", str),
    )


def _rounded(record: LiveFigures | WordTimes) -> dict[str, Any]:
    """The fields of a record, times and figures to three digits."""
    values = ((item.name, getattr(record, item.name)) for item in fields(record))
    return {name: round(v, 3) if isinstance(v, float) else v for name, v in values}


def _live_from_dict(data: object) -> LiveFigures:
    if not isinstance(data, dict):
        raise ProtocolError("caption field 'live' is not a JSON object")
    load = data.get("load")
    if load is not None and load not in list(LoadState):
        raise ProtocolError(f"caption field 'load' is {load!r}")
    return LiveFigures(
        normalized_erasure=_get_number(data, "normalized_erasure"),
        delay_s=_get_number_or_none(data, "delay_s"),
        load=None if load is None else LoadState(load),
        real_time_factor=_get_number_or_none(data, "real_time_factor"),
    )


def _word_from_dict(data: object) -> WordTimes:
    if not isinstance(data, dict):
        raise ProtocolError("caption field 'words' holds what is not a JSON object")
    return WordTimes(
        text=_get(data, "text", str),
        spoken_s=_get_number(data, "spoken_s"),
        recognised_s=_get_number(data, "recognised_s"),
        translated_s=_get_number(data, "translated_s"),
        shown_s=_get_number(data, "shown_s"),
    )


def _get(data: Mapping[str, Any], key: str, kind: type[T]) -> T:
    value = data.get(key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ProtocolError(f"caption field {key!r} is {value!r}, not {kind.__name__}")
    return value


def _get_number(data: Mapping[str, Any], key: str) -> float:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProtocolError(f"caption field {key!r} is {value!r}, not a number")
    try:
        return float(value)
    except OverflowError as error:
        raise ProtocolError(f"caption field {key!r} is out of range") from error


def _get_number_or_none(data: Mapping[str, Any], key: str) -> float | None:
    return None if data.get(key) is None else _get_number(data, key)
