"""A terminal's keys one by one, instead of whole lines.

While `as_typed` is on, the terminal neither collects lines nor echoes: the captions show what was
typed. Only POSIX terminals know this; elsewhere text comes line by line.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

END_OF_INPUT = 0x04
"""What Ctrl-D sends while lines are not collected."""

_changed: dict[int, list[Any]] = {}  # descriptor → settings to go back to


@contextlib.contextmanager
def as_typed(fd: int) -> Iterator[bool]:
    """Take keys as they are pressed; the value says whether that is so.

    Args:
        fd: of standard input; one that is no terminal is left alone.
    """
    try:
        import termios
    except ImportError:
        yield False
        return
    if fd in _changed or not os.isatty(fd):
        yield fd in _changed
        return
    settings = termios.tcgetattr(fd)
    _changed[fd] = list(settings)
    settings[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(fd, termios.TCSADRAIN, settings)
    try:
        yield True
    finally:
        restore_keyboard()


def restore_keyboard() -> None:
    """Bring terminals back to how they were; for an end that passes by `as_typed`."""
    while _changed:
        import termios

        fd, settings = _changed.popitem()
        with contextlib.suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(fd, termios.TCSADRAIN, settings)
