"""The log on a console."""

import logging

from rich.console import Console
from rich.text import Text


class ConsoleHandler(logging.Handler):
    """Shows log records above what is revised in place, each on one line."""

    def __init__(self, console: Console) -> None:
        """Show them on this console."""
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        style = "red" if record.levelno >= logging.ERROR else "yellow"
        line = Text(f"dragoman: {record.levelname.lower()}: {self.format(record)}", style=style)
        self._console.print(line, soft_wrap=True)


def log_to(console: Console) -> None:
    """Send the log to a console from here on."""
    logging.basicConfig(handlers=[ConsoleHandler(console)], format="%(message)s", force=True)
