"""What one viewer is shown of all captions: session, language, reading mode, resume. No I/O."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from app.server.http import Target
from engine.captions import FORMAT_VERSION, Caption, Text

MAX_RESUMED_SESSIONS = 50
LONGEST_DWELL_S = 5.0
_MAX_REMEMBERED_SESSIONS = 1000  # of which a viewer was shown something


class ViewError(ValueError):
    """A viewer asked for something that does not exist; the message says what does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a viewer asked for, in the query of its URL."""

    session: str | None = None
    """Captions of this session only."""
    langs: frozenset[str] = frozenset()
    """Captions from or into one of these languages only; empty: all."""
    reading: bool = False
    """Committed text only: no word that is shown is ever taken back."""
    dwell_s: float = 0.0
    """Each caption stays for at least so long before the next; only in reading mode."""
    detail: bool = False
    """With the times of every committed word."""
    after: tuple[tuple[str, int], ...] = ()
    """Sessions to resume, each with the last `seq` that the viewer has."""

    @classmethod
    def parse(cls, target: Target) -> "View":
        """Read the keys of a query that are not the page's.

        Raises:
            ViewError: a value that means nothing.
        """
        mode = target.get("mode") or "live"
        if mode not in ("live", "reading"):
            raise ViewError(f"mode is {mode!r}, must be live or reading")
        detail = target.get("detail")
        if detail not in (None, "", "words"):
            raise ViewError(f"detail is {detail!r}, must be words")
        langs = [lang for text in target.query.get("lang", ()) for lang in text.split(",") if lang]
        after = tuple(_parse_position(text) for text in target.query.get("after", ()))
        if len(after) > MAX_RESUMED_SESSIONS:
            raise ViewError(f"after names more than {MAX_RESUMED_SESSIONS} sessions")
        return cls(
            session=target.get("session") or None,
            langs=frozenset(langs),
            reading=mode == "reading",
            dwell_s=_parse_dwell(target.get("dwell"), mode),
            detail=detail == "words",
            after=after,
        )

    def wants(self, caption: Caption) -> bool:
        """Whether the viewer asked for captions like this one."""
        if self.session is not None and caption.session != self.session:
            return False
        return not self.langs or not self.langs.isdisjoint(
            (caption.source.lang, caption.target.lang)
        )


def _parse_dwell(text: str | None, mode: str) -> float:
    if not text:
        return 0.0
    if mode != "reading":
        raise ViewError("dwell is for mode=reading")
    try:
        dwell_s = float(text)
    except ValueError:
        dwell_s = -1.0
    if not 0 <= dwell_s <= LONGEST_DWELL_S:
        raise ViewError(f"dwell is {text!r}, must be 0 to {LONGEST_DWELL_S:g} seconds")
    return dwell_s


def _parse_position(text: str) -> tuple[str, int]:
    session, colon, seq = text.rpartition(":")
    if not (colon and seq.isascii() and seq.isdigit() and len(seq) <= 18):
        raise ViewError(f"after is {text!r}, must be SESSION:SEQ")
    return session, int(seq)


class Progress:
    """What a viewer was sent so far: nothing goes out twice, and nothing older than the newest.

    In reading mode a caption without new committed text is left out as well, unless it is final.
    """

    def __init__(self, view: View) -> None:
        """A viewer that has what it resumes after."""
        self._view = view
        self._last_seq = dict(view.after)
        self._committed: dict[tuple[str, int], tuple[str, str]] = {}

    def take(self, caption: Caption) -> str | None:
        """The message for this viewer, None if it need not see the caption."""
        if caption.seq <= self._last_seq.get(caption.session, -1):
            return None
        self._last_seq.pop(caption.session, None)  # to the end: the oldest is forgotten first
        self._last_seq[caption.session] = caption.seq
        if len(self._last_seq) > _MAX_REMEMBERED_SESSIONS:
            del self._last_seq[next(iter(self._last_seq))]
        if self._view.reading and not self._reads_on(caption):
            return None
        return encode(caption, reading=self._view.reading, detail=self._view.detail)

    def _reads_on(self, caption: Caption) -> bool:
        key = (caption.session, caption.segment)
        if caption.final:
            self._committed.pop(key, None)
            return True
        texts = (caption.source.committed, caption.target.committed)
        if texts == self._committed.get(key, ("", "")):
            return False
        self._committed[key] = texts
        return True


@lru_cache(maxsize=256)
def encode(caption: Caption, *, reading: bool, detail: bool) -> str:
    """A caption as a message; made once for all viewers that are shown the same."""
    return (steady(caption) if reading else caption).to_json(detail=detail)


def steady(caption: Caption) -> Caption:
    """The caption with nothing in it that may still change."""
    return replace(
        caption, source=_committed(caption.source), target=_committed(caption.target), erased=0
    )


def _committed(text: Text) -> Text:
    return replace(text, tentative="")


def snapshot(view: View, captions: Iterable[Caption], lost: Sequence[str]) -> str:
    """The first message of a viewer.

    Args:
        view: what it asked for.
        captions: the last caption of each recent segment.
        lost: sessions that it resumes and of which not everything is kept any more.
    """
    shown = (steady(caption) if view.reading else caption for caption in captions)
    return json.dumps(
        {
            "type": "snapshot",
            "v": FORMAT_VERSION,
            "session": view.session,
            "captions": [caption.to_dict(detail=view.detail) for caption in shown],
            "lost": list(lost),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
