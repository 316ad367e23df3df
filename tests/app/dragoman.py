"""`dragoman` with fake models: run as a program, everything but the networks is the real thing.

Sound is "recognised" one word for each half second that is not silent; the translation is in
capitals, with the newest word first until the segment ends.
"""

import sys
import threading
from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np

from app import cli
from app.models import registry, translation
from app.overlay import session_process, session_worker
from app.running import inputs
from app.server import serve
from app.sessions import rerun
from engine.audio import AudioChunk
from engine.policies.config import PolicyConfig
from engine.source import SourcePrefix
from engine.translator import Hypothesis
from tests.fakes import FakeTranslator, fickle

_WORD_S = 0.5
_WORDS_OF_SEGMENT = 4
SESSION = "a session of the overlay"


class FakeRecognizer:
    """Numbers as words, four to a segment."""

    def __init__(self) -> None:
        self._heard_s = 0.0
        self._words: list[str] = []
        self._numbers = count(1)
        self._segment = 0
        self._span = (0.0, 0.0)

    def accept(self, item: AudioChunk) -> list[SourcePrefix]:
        if not np.abs(item.samples).max(initial=0.0) > 0.01:
            return []
        if not self._words and not self._heard_s:
            self._span = (item.start_s, item.end_s)
        self._span = (self._span[0], item.end_s)
        self._heard_s += item.duration_s
        if self._heard_s < _WORD_S * (len(self._words) + 1) - 0.01:
            return []
        self._words.append(f"word{next(self._numbers)}")
        if len(self._words) == _WORDS_OF_SEGMENT:
            return self.finish()
        return [self._prefix(" ".join(self._words[:-1]), self._words[-1], finished=False)]

    def finish(self) -> list[SourcePrefix]:
        if not self._words:
            return []
        prefix = self._prefix(" ".join(self._words), "", finished=True)
        self._words, self._heard_s = [], 0.0
        self._segment += 1
        return [prefix]

    def _prefix(self, committed: str, tentative: str, *, finished: bool) -> SourcePrefix:
        return SourcePrefix(
            segment=self._segment,
            lang="en",
            committed=committed,
            tentative=tentative,
            finished=finished,
            start_s=self._span[0],
            end_s=self._span[1],
        )


class FakeEar:
    """What the streams of `FakeRecognizer` share: nothing."""

    def listen(self) -> FakeRecognizer:
        return FakeRecognizer()


def capitals(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
    if "crash" in words:
        raise RuntimeError("the fake network crashed")
    if "hang" in words:
        print("hanging", file=sys.stderr, flush=True)
        threading.Event().wait()
    return fickle(words, finished, committed)


def load_translator(
    model: registry.Model, *, device: str, policy: PolicyConfig, backend: str
) -> Any:
    return FakeTranslator(capitals, model.source_lang, model.target_lang)


if __name__ == "__main__":
    vars(translation)["load_translator"] = load_translator
    for module in (inputs, rerun):
        vars(module)["load_stream"] = lambda *_: FakeRecognizer()
    vars(serve)["load_ear"] = lambda *_: FakeEar()
    vars(session_process)["COMMAND"] = (sys.executable, "-m", "tests.app.dragoman", SESSION)
    if sys.argv[1:] == [SESSION]:
        session_worker.main()
    else:
        sys.exit(cli.main(sys.argv[1:]))
