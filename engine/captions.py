"""The caption: the one type that leaves the engine, and its JSON form.

Everything downstream (overlay, feed, journal, metrics) eats `Caption`. This module imports only
the standard library, so that a consumer pays for neither torch nor Qt.

Invariants, checked by `CaptionOrder` and tested by property:

* within a segment, committed text only grows, on the source side and on the target side;
* revisions of a segment count 0, 1, 2 …;
* a final caption has no tentative text, and no further caption of its segment follows;
* `seq` counts the captions of a session without holes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

FORMAT_VERSION = 1

T = TypeVar("T")


class ProtocolError(ValueError):
    """A message, or a sequence of captions, that breaks the rules of the caption format."""


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

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of this caption, key order as documented."""
        return {
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

    def to_json(self) -> str:
        """One line of JSON, without a line end."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str | bytes) -> "Caption":
        """Parse one JSON caption.

        Raises:
            ProtocolError: not JSON, another format version, or a field missing or of a wrong type.
        """
        try:
            data = json.loads(line)
        except ValueError as error:
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
        )


@dataclass(slots=True)
class CaptionOrder:
    """Checks, caption by caption, that a session's captions keep the invariants of this module."""

    _next_seq: int | None = None
    _last: dict[int, Caption] = field(default_factory=dict)

    def check(self, caption: Caption) -> None:
        """Accept the next caption of the session.

        Raises:
            ProtocolError: the caption breaks an invariant against those before it.
        """
        if self._next_seq is not None and caption.seq != self._next_seq:
            raise ProtocolError(f"seq {caption.seq} follows {self._next_seq - 1}")
        self._next_seq = caption.seq + 1
        if caption.final and (caption.source.tentative or caption.target.tentative):
            raise ProtocolError(f"final caption {caption.seq} has tentative text")
        last = self._last.get(caption.segment)
        if last is None:
            if caption.revision != 0:
                raise ProtocolError(f"segment {caption.segment} starts at {caption.revision}")
        else:
            self._check_successor(last, caption)
        self._last[caption.segment] = caption

    @staticmethod
    def _check_successor(last: Caption, caption: Caption) -> None:
        if last.final:
            raise ProtocolError(f"a caption follows the final of segment {caption.segment}")
        if caption.revision != last.revision + 1:
            raise ProtocolError(f"revision {caption.revision} follows {last.revision}")
        for name, old, new in (
            ("source", last.source.committed, caption.source.committed),
            ("target", last.target.committed, caption.target.committed),
        ):
            if not extends(old, new):
                raise ProtocolError(f"committed {name} {old!r} became {new!r}")


def extends(prefix: str, text: str) -> bool:
    """Whether `text` starts with the whole words of `prefix`."""
    words = prefix.split()
    return text.split()[: len(words)] == words


def _text_to_dict(text: Text) -> dict[str, str]:
    return {"lang": text.lang, "committed": text.committed, "tentative": text.tentative}


def _text_from_dict(data: Mapping[str, Any]) -> Text:
    return Text(
        lang=_get(data, "lang", str),
        committed=_get(data, "committed", str),
        tentative=_get(data, "tentative", str),
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
    return float(value)
