"""What stands around the overlay, in the tests."""

import threading
from collections.abc import Callable, Sequence

from engine.captions import Caption
from tests.ui.streams import caption
from ui.control import Choice, Option, Publish, SessionRow


class FakeControl:
    """Notes what it is told to do."""

    def __init__(self, *, first_start: bool = False, running: bool = False) -> None:
        self.first_start = first_start
        self.running = running
        self.heard: list[list[str]] = []
        self.publish: Publish = lambda _: None
        self.chosen = {"source": "mic", "languages": "en-de", "stability": "balanced"}
        self.listening: list[str] = []
        self.level: Callable[[float], None] = lambda _: None
        self.sources = [Choice("mic", "mic"), Choice("mic:Monitor", "Monitor", loopback=True)]
        self.may_look = threading.Event()
        self.may_look.set()

    def start(self) -> None:
        self.running = True
        self.heard.append(["start"])

    def stop(self) -> None:
        self.running = False
        self.heard.append(["stop"])

    def options(self) -> Sequence[Option]:
        self.may_look.wait()
        choices = {
            "source": tuple(self.sources),
            "languages": (Choice("en-de", "en → de"), Choice("de-en", "de → en")),
            "stability": (Choice("eager", "eager"), Choice("balanced", "balanced")),
        }
        found = choices.items()
        return [Option(key, values, self.chosen[key]) for key, values in found if values]

    def choose(self, key: str, value: str) -> None:
        self.chosen[key] = value
        self.heard.append(["choose", key, value])

    def listen(self, source: str, level: Callable[[float], None]) -> Callable[[], None]:
        self.listening.append(source)
        self.level = level
        return lambda: self.listening.remove(source)


class FakeArchive:
    """Two sessions; `broken` raises."""

    def __init__(self) -> None:
        self.broken = False
        self._sessions = {
            "new": [
                caption("Guten Morgen", source="good morning", final=True, session="new"),
                caption("Wie geht es?", source="how are you", segment=1, final=True, session="new"),
            ],
            "old": [caption("Ende", source="the end", final=True, session="old")],
        }

    def sessions(self) -> list[SessionRow]:
        self._break()
        return [SessionRow("new", "2026-02-02 · new"), SessionRow("old", "2026-01-01 · old")]

    def captions(self, session: str) -> list[Caption]:
        return self._sessions[session]

    def search(self, text: str) -> list[Caption]:
        every = [one for session in self._sessions.values() for one in session]
        return [one for one in every if text in one.source.full + one.target.full]

    def export(self, session: str, form: str) -> str:
        self._break()
        texts = [one.target.full for one in self._sessions[session]]
        return f"{form}: " + " / ".join(texts)

    def _break(self) -> None:
        if self.broken:
            raise OSError("the journal is damaged")
