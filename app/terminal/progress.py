"""How far a session is, without its captions."""

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from app.terminal.text import clock_time
from engine.captions import Caption


class ProgressView:
    """No captions, only how far a source was read; for a person who waits for files."""

    def __init__(self, console: Console, duration_s: float | None = None) -> None:
        """Show nothing yet; the arguments are those of `TerminalView`."""
        self._duration_s = duration_s
        self._n_finals = 0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[position]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("Translating", total=duration_s, position="")

    def __enter__(self) -> Self:
        """Start the bar."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it is."""
        self._progress.stop()

    def show(self, caption: Caption) -> None:
        """Count finals."""
        self._n_finals += caption.final

    def refresh(self, position_s: float) -> None:
        """Move the bar."""
        position = clock_time(position_s)
        if self._duration_s is not None:
            position += f" / {clock_time(self._duration_s)}"
        self._progress.update(
            self._task, completed=position_s, position=f"{position}, {self._n_finals} segments"
        )
