"""Subtitle files: finals become SRT, WebVTT, plain text or lines of JSON.

Timing: a cue runs from the start to the end of what was said, for a minimum duration where the
next cue leaves room, and never into the next cue. Long finals become several cues, each with the
share of the time that its text has of the characters.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from engine.captions import Caption

_SHORTEST_S = 0.001


class Format(StrEnum):
    """The forms in which finals are written."""

    SRT = "srt"
    VTT = "vtt"
    TXT = "txt"
    JSONL = "jsonl"


class Side(StrEnum):
    """Which text is written."""

    SOURCE = "source"
    TARGET = "target"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleOptions:
    """How cues look; lines of JSON always hold the whole caption."""

    side: Side = Side.TARGET
    """Both: the source above the target."""
    columns: int = 42
    """Width of a line; wide characters (Chinese, Japanese, Korean) count 2."""
    lines: int = 2
    """Lines of one text in a cue."""
    min_duration_s: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for key, value, low in (("columns", self.columns, 8), ("lines", self.lines, 1)):
            if value < low:
                raise ValueError(f"subtitles {key} = {value} is not {low} or more")
        if not 0 <= self.min_duration_s <= 60:
            raise ValueError(
                f"subtitles min_duration_s = {self.min_duration_s} is not within 0 … 60"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """Lines of text shown for a time."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]


class SubtitleWriter:
    """Makes a subtitle file piece by piece from captions in order.

    A cue is complete when the start of the next is known, so SRT and VTT are one final behind
    until `close`.
    """

    def __init__(self, form: Format, options: SubtitleOptions | None = None) -> None:
        """Start an empty file of the given form."""
        self._form = form
        self._options = options or SubtitleOptions()
        self._n_cues = 0
        self._waiting: Cue | None = None
        self._header = "WEBVTT\n\n" if form is Format.VTT else ""

    def write(self, caption: Caption) -> str:
        """The text that the file grows by; captions that are not final add nothing."""
        if not caption.final:
            return ""
        if self._form is Format.JSONL:
            return caption.to_json(detail=True) + "\n"
        if self._form is Format.TXT:
            texts = _texts(caption, self._options.side)
            return "".join(f"{text}\n" for text in texts) + ("\n" if len(texts) > 1 else "")
        return self._take_header() + "".join(map(self._push, cues(caption, self._options)))

    def close(self) -> str:
        """The text that ends the file."""
        waiting, self._waiting = self._waiting, None
        return self._take_header() + (self._form_cue(waiting) if waiting else "")

    def _take_header(self) -> str:
        header, self._header = self._header, ""
        return header

    def _push(self, cue: Cue) -> str:
        """Hold a cue back and return the one before, fitted in front of it."""
        before = self._waiting
        start_s = round(cue.start_s, 3)
        if before is not None and start_s <= before.start_s:  # one after the other
            start_s = before.end_s
        min_s = max(self._options.min_duration_s, _SHORTEST_S)
        end_s = round(max(cue.end_s, start_s + min_s), 3)
        self._waiting = replace(cue, start_s=start_s, end_s=end_s)
        if before is None:
            return ""
        return self._form_cue(replace(before, end_s=min(before.end_s, start_s)))

    def _form_cue(self, cue: Cue) -> str:
        self._n_cues += 1
        times = f"{_time(cue.start_s, self._form)} --> {_time(cue.end_s, self._form)}"
        lines = [_escaped(line, self._form) for line in cue.lines]
        return "\n".join((str(self._n_cues), times, *lines, "", ""))


def render(
    captions: Iterable[Caption], form: Format, options: SubtitleOptions | None = None
) -> str:
    """A whole subtitle file."""
    writer = SubtitleWriter(form, options)
    return "".join([*map(writer.write, captions), writer.close()])


def cues(caption: Caption, options: SubtitleOptions) -> list[Cue]:
    """The cues of one final, in order and without overlap; none if it has no text."""
    texts = [_wrap(text, options.columns) for text in _texts(caption, options.side)]
    n_cues = max((-(-len(lines) // options.lines) for lines in texts), default=0)
    if not n_cues:
        return []
    shares = [_share(lines, n_cues) for lines in texts]
    blocks = [tuple(line for share in shares for line in share[i]) for i in range(n_cues)]
    sizes = [sum(map(len, block)) for block in blocks]
    total = sum(sizes)
    start_s = caption.start_s
    duration_s = max(caption.end_s - start_s, options.min_duration_s)
    made = []
    for i, block in enumerate(blocks):
        end_s = caption.start_s + duration_s * sum(sizes[: i + 1]) / total
        if block:
            made.append(Cue(start_s=start_s, end_s=end_s, lines=block))
        start_s = end_s
    return made


def _texts(caption: Caption, side: Side) -> list[str]:
    source, target = caption.source.full, caption.target.full
    texts = {Side.SOURCE: [source], Side.TARGET: [target], Side.BOTH: [source, target]}[side]
    return [text for text in texts if text]


def _share(lines: Sequence[str], n: int) -> list[Sequence[str]]:
    """Lines divided evenly among n cues, the earlier ones getting the odd lines."""
    size, odd = divmod(len(lines), n)
    bounds = [i * size + min(i, odd) for i in range(n + 1)]
    return [lines[a:b] for a, b in pairwise(bounds)]


def _wrap(text: str, columns: int) -> list[str]:
    """Lines of at most `columns`; a word too long for a line is broken."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and _width(line) + 1 + _width(word) <= columns:
            line += " " + word
            continue
        if line:
            lines.append(line)
        line = ""
        for char in word:
            if _width(line) + _width(char) > columns:
                lines.append(line)
                line = ""
            line += char
    return [*lines, line] if line else lines


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def _time(seconds: float, form: Format) -> str:
    ms = round(max(seconds, 0.0) * 1000)
    minutes, ms = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    point = "," if form is Format.SRT else "."
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}{point}{ms % 1000:03}"


def _escaped(line: str, form: Format) -> str:
    if form is Format.VTT:
        return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return line.replace("-->", "→")
