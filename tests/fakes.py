"""Edges of the engine that a test controls: translators, clocks, sources."""

import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from engine.captions import Caption
from engine.source import SourcePrefix
from engine.translator import Hypothesis, TranslatorSession
from tests.caption_order import CaptionOrder

T = TypeVar("T")

Policy = Callable[[Sequence[str], bool, tuple[str, ...]], Hypothesis]


class ManualClock:
    """Session time that a test moves."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


@dataclass
class FakeTranslator:
    """A translator whose policy is a function of the source words, `finished`, the committed."""

    policy: Policy
    source_lang: str = "en"
    target_lang: str = "de"
    calls: list[tuple[str, bool]] = field(default_factory=list)
    n_sessions: int = 0

    def start(self) -> TranslatorSession:
        self.n_sessions += 1
        return _FakeSession(self)


class _FakeSession:
    def __init__(self, translator: FakeTranslator) -> None:
        self._translator = translator

    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        self._translator.calls.append((source_prefix, finished))
        return self._translator.policy(source_prefix.split(), finished, committed)


def upper(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
    """Upper-case words: a translation that never changes its mind."""
    return Hypothesis(words=tuple(word.upper() for word in words), n_fixed=0)


def fickle(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
    """Re-translation that keeps what is committed and puts the newest word first behind it."""
    rest = [word.upper() for word in words[len(committed) :]]
    return Hypothesis(words=(*committed, *reversed(rest)), n_fixed=0)


def wait_k(k: int) -> Policy:
    """Append-only: all words fixed, k words behind until the end."""

    def policy(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
        n = len(words) if finished else max(len(words) - k, len(committed))
        target = (*committed, *(word.upper() for word in words[len(committed) : n]))
        return Hypothesis(words=target, n_fixed=len(target))

    return policy


class Gate:
    """Holds a translator until the test opens it; counts who arrived. No time passes in it."""

    def __init__(self, policy: Policy = upper) -> None:
        self._policy = policy
        self.arrived = threading.Semaphore(0)
        self.opened = threading.Semaphore(0)

    def __call__(
        self, words: Sequence[str], finished: bool, committed: tuple[str, ...]
    ) -> Hypothesis:
        self.arrived.release()
        self.opened.acquire()
        return self._policy(words, finished, committed)


class ScriptedReader:
    """A source reader whose items are the prefixes themselves."""

    def __init__(self, at_end: Iterable[SourcePrefix] = ()) -> None:
        self._at_end = list(at_end)
        self.n_finished = 0

    def accept(self, item: SourcePrefix | list[SourcePrefix]) -> list[SourcePrefix]:
        return item if isinstance(item, list) else [item]

    def finish(self) -> list[SourcePrefix]:
        self.n_finished += 1
        return self._at_end


async def stream(items: Iterable[T]) -> AsyncIterator[T]:
    """An asynchronous source of ready items."""
    for item in items:
        yield item


def prefix(
    text: str,
    tentative: str = "",
    *,
    segment: int = 0,
    finished: bool = False,
    goes_on: bool = False,
    start_s: float = 0.0,
    end_s: float = 1.0,
    spoken_s: Sequence[float] = (),
) -> SourcePrefix:
    """A source prefix in a few words, recognised when they were said."""
    return SourcePrefix(
        segment=segment,
        lang="en",
        committed=text,
        tentative=tentative,
        finished=finished or goes_on,
        goes_on=goes_on,
        start_s=start_s,
        end_s=end_s,
        spoken_s=tuple(spoken_s),
        recognised_s=tuple(spoken_s),
    )


def in_order(captions: Iterable[Caption]) -> list[Caption]:
    """The captions, after checking every invariant of their order."""
    order = CaptionOrder()
    checked = list(captions)
    for caption in checked:
        order.check(caption)
    return checked
