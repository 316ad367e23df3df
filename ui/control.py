"""What the overlay needs from the program around it, as protocols. No Qt.

The overlay knows captions only; whoever composes it gives it these to control the engine and to
read the journal. All are called in the GUI thread and must not wait, unless they say otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.captions import Caption
from ui.status import News

Publish = Callable[[News], None]
"""Hands news to the overlay, from any thread, without waiting."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an option."""

    value: str
    label: str
    """A name that is not translated, of a device for example."""
    loopback: bool = False
    """A source that hears what the computer plays."""


@dataclass(frozen=True, slots=True)
class Option:
    """Something of the session that the user may choose."""

    key: str
    """`source`, `languages`, `translator` or `stability`."""
    choices: tuple[Choice, ...]
    chosen: str
    """The value of one of the choices."""


class Control(Protocol):
    """Starts, stops and sets the session; what comes of it is told by notices."""

    @property
    def running(self) -> bool:
        """Whether a session runs, or is being started."""
        ...

    @property
    def first_start(self) -> bool:
        """Whether the user has never chosen what to listen to."""
        ...

    def start(self) -> None:
        """Start a session with what is chosen."""
        ...

    def stop(self) -> None:
        """End the session in order."""
        ...

    def options(self) -> Sequence[Option]:
        """What can be chosen now; called in a thread of its own, and may wait for devices."""
        ...

    def choose(self, key: str, value: str) -> None:
        """Choose; a session that runs goes on with it, under a new start where that is needed."""
        ...

    def listen(self, source: str, level: Callable[[float], None]) -> Callable[[], None]:
        """Tell the level of a source, 0 to 1, some ten times a second and from any thread.

        Returns:
            Ends it; must be called.
        """
        ...


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A past session, for a list."""

    id: str
    label: str
    """When, what and how long, for people."""


class Archive(Protocol):
    """Past sessions; called in a thread of its own, and may wait.

    Errors that a person can mend are OSError or ValueError with one line that says what.
    """

    def sessions(self) -> list[SessionRow]:
        """Every session with text in it, newest first."""
        ...

    def captions(self, session: str) -> list[Caption]:
        """The final captions of a session, in order."""
        ...

    def search(self, text: str) -> list[Caption]:
        """Final captions with all the words of the text, best first."""
        ...

    def export(self, session: str, form: str) -> str:
        """A session as a file: `srt`, `vtt` or `txt`."""
        ...
