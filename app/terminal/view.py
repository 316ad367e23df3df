"""Captions in the terminal: the open segment revised in place, finals scroll up.

On anything but a terminal (a pipe, a log file) each final is one pair of plain lines.
"""

import time
from collections.abc import Callable
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text as Line

from app.terminal.text import clock_time, printable
from engine.captions import Caption, LiveFigures, Text
from engine.pipeline_stats import PipelineStats

REFRESH_HZ = 12
_MAX_LINES = 4  # of one text in the place that is revised; the newest words stay visible


class View(Protocol):
    """Something that shows captions between `with` and its end."""

    def __enter__(self) -> Self:
        """Start to show."""
        ...

    def __exit__(self, *_: object) -> None:
        """Show what is left, and stop."""
        ...

    def show(self, caption: Caption) -> None:
        """Show a caption, in the place of the revision before it."""
        ...

    def refresh(self, position_s: float) -> None:
        """Called a few times a second: how far the source was read."""
        ...


class TerminalView:
    """Both languages of the open segment, finals above it, and a line with position and delay."""

    def __init__(
        self,
        console: Console,
        duration_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        live: bool | None = None,
        stats: PipelineStats | None = None,
    ) -> None:
        """Show nothing yet.

        Args:
            console: where to; standard error, since standard output carries data.
            duration_s: length of the source, None if it is not known.
            clock: seconds; limits how often the terminal is drawn.
            live: whether to revise text in place; None: if the console is a terminal.
            stats: figures of a session that runs here, newer than those of its captions.
        """
        self._revises = console.is_terminal if live is None else live
        self._console = console
        self._duration_s = duration_s
        self._clock = clock
        self._stats = stats
        self._open: Caption | None = None
        self._newest: Caption | None = None
        self._position_s = 0.0
        self._drawn_at = -1.0
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Take the place at the bottom of the terminal."""
        if self._revises:
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
                vertical_overflow="crop",
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the place back; what is in it scrolls up."""
        if self._live is not None:
            self._live.update(self._picture(status=False), refresh=True)
            self._live.stop()
            self._live = None

    def show(self, caption: Caption) -> None:
        """Show a caption: a final at once, a revision at most `REFRESH_HZ` times a second."""
        self._newest = caption
        self._open = None if caption.final else caption
        now = self._clock()
        due = caption.final or now - self._drawn_at >= 1 / REFRESH_HZ
        with self._console:  # one write, or the terminal flickers
            if self._live is not None and due:
                self._drawn_at = now
                self._live.update(self._picture(status=True), refresh=True)
            if caption.final and (caption.target.full or caption.source.full):
                self._console.print(_scrolled(caption), soft_wrap=self._live is None)

    def refresh(self, position_s: float) -> None:
        """Draw the position, and a revision that came too early to be drawn by itself."""
        self._position_s = position_s
        if self._live is not None:
            self._live.update(self._picture(status=True), refresh=True)

    def _picture(self, *, status: bool) -> Group:
        rows = []
        n_lines = min(_MAX_LINES, max((self._console.height - 2) // 2, 1))
        room = max(self._console.width, 20) * n_lines
        if self._open is not None:
            rows += [_line(self._open.source, "cyan", room), _line(self._open.target, "", room)]
        if status:
            rows.append(Line(self._status(), style="dim italic", no_wrap=True))
        return Group(*rows)

    def _status(self) -> str:
        status = clock_time(self._position_s)
        if self._duration_s is not None:
            status += f" / {clock_time(self._duration_s)}"
        live = self._live_figures()
        if live is not None and live.load is not None:
            status += f"   {live.load}"
            if live.real_time_factor is not None:
                status += f" ({live.real_time_factor:.2f} ×)"
        if self._newest is not None:
            delay_s = max(self._newest.emitted_s - self._newest.end_s, 0.0)
            status += f"   delay {delay_s:.1f} s"
        if live is not None and live.delay_s is not None:
            status += f", settled {live.delay_s:.1f} s"
        if live is not None and self._newest is not None:
            status += f"   NE {live.normalized_erasure:.2f}"
        return status

    def _live_figures(self) -> LiveFigures | None:
        """Those of the session, if it runs here, and what its newest caption says otherwise."""
        if self._stats is not None:
            return self._stats.live
        return None if self._newest is None else self._newest.live


def _scrolled(caption: Caption) -> Line:
    stamp = clock_time(caption.start_s)
    line = Line()
    line.append(f"{stamp}  ", style="dim")
    line.append(printable(caption.source.full), style="cyan")
    line.append("\n" + " " * (len(stamp) + 2))
    line.append(printable(caption.target.full))
    return line


def _line(text: Text, style: str, room: int) -> Line:
    committed, tentative = printable(text.committed), printable(text.tentative)
    line = Line()
    line.append(committed, style=style)
    if committed and tentative:
        line.append(" ")
    line.append(tentative, style="dim")
    if len(line) > room:
        line = Line("…") + line[len(line) - room + 1 :]
    return line
