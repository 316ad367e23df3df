"""Revised text: what a recogniser elsewhere hears, read as source prefixes.

One JSON object a line, each the whole segment as it stands, in the place of the line before it:

    {"committed": "we have", "tentative": "the"}
    {"committed": "we have it", "finished": true}
"""

import json
import logging
from collections.abc import Callable

from engine.source import SourcePrefix

MAX_LINE_CHARS = 100_000
"""A longer line is no revision of one segment and is left out."""

_logger = logging.getLogger(__name__)


class RevisedText:
    """A source reader of lines of JSON.

    Words may move from `tentative` to `committed`, and tentative ones may change or go; a
    committed word that changes nonetheless stays as it was first told (see `engine.session`).
    `finished` ends the segment, and so does the end of the input. A line that is not of this form
    is left out, with one warning; the stream goes on.
    """

    def __init__(self, lang: str, clock: Callable[[], float]) -> None:
        """Start without a segment.

        Args:
            lang: ISO 639-1 code of the language heard.
            clock: session time in seconds; a prefix carries the times when its lines came.
        """
        self._lang = lang
        self._clock = clock
        self._segment = 0
        self._start_s: float | None = None
        self._newest: SourcePrefix | None = None
        self._line = ""
        self._warned = False

    def accept(self, text: str) -> list[SourcePrefix]:
        """Read the characters that came since the last call."""
        *lines, self._line = (self._line + text).split("\n")
        self._line = self._line[: MAX_LINE_CHARS + 1]  # enough to know that it is too long
        prefixes = [self._read(line) for line in lines if line.strip()]
        return [prefix for prefix in prefixes if prefix is not None]

    def finish(self) -> list[SourcePrefix]:
        """End the open segment with all its words."""
        prefixes = self.accept("\n")
        if self._newest is not None:
            prefixes.append(self._prefix(self._newest.text, "", finished=True))
        return prefixes

    def _read(self, line: str) -> SourcePrefix | None:
        try:
            if len(line) > MAX_LINE_CHARS:
                raise ValueError(f"it is longer than {MAX_LINE_CHARS} characters")
            committed, tentative, finished = _parse(line)
        except ValueError as error:
            if not self._warned:
                _logger.warning("lines that are no revisions are left out; the first: %s", error)
            self._warned = True
            return None
        if finished:
            return self._prefix(f"{committed} {tentative}", "", finished=True)
        return self._prefix(committed, tentative, finished=False)

    def _prefix(self, committed: str, tentative: str, *, finished: bool) -> SourcePrefix:
        now_s = self._clock()
        prefix = SourcePrefix(
            segment=self._segment,
            lang=self._lang,
            committed=" ".join(committed.split()),
            tentative=" ".join(tentative.split()),
            finished=finished,
            start_s=now_s if self._start_s is None else self._start_s,
            end_s=now_s,
        )
        self._start_s = None if finished else prefix.start_s
        self._newest = None if finished else prefix
        self._segment += finished
        return prefix


def _parse(line: str) -> tuple[str, str, bool]:
    """The committed and the tentative text, and whether the segment is finished.

    Raises:
        ValueError: not an object of that form.
    """
    try:
        data = json.loads(line)
    except RecursionError as error:
        raise ValueError(f"{line[:40]!r} is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{line[:40]!r} is no JSON: {error.msg}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{line[:40]!r} is not a JSON object")
    if not data.keys() & {"committed", "tentative", "finished"}:
        raise ValueError(f"{line[:40]!r} has neither committed nor tentative")
    committed, tentative = data.get("committed", ""), data.get("tentative", "")
    finished = data.get("finished", False)
    if not (isinstance(committed, str) and isinstance(tentative, str)):
        raise ValueError(f"committed and tentative of {line[:40]!r} are not both strings")
    if not isinstance(finished, bool):
        raise ValueError(f"finished of {line[:40]!r} is not true or false")
    f"{committed}{tentative}".encode()  # half of a surrogate pair cannot be passed on to anyone
    return committed, tentative, finished
