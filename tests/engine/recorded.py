"""Recorded sessions: what a recogniser heard and what ReTA made of every prefix.

`python -m tests.engine.recorded` records the shipped demonstration again, with the shipped models.
Each line is a source prefix with its hypothesis, made without any word committed.
"""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.captions import Caption
from engine.session import Session
from engine.source import SourcePrefix
from engine.stability import StabilityConfig
from engine.translator import Hypothesis
from engine.word_times import SourceTimer
from tests.fakes import FakeTranslator, in_order

DEMO = Path(__file__).parent / "recordings" / "demo.reta.jsonl"


@dataclass(frozen=True, slots=True)
class Recording:
    """The prefixes of a session, and the hypothesis for each text."""

    prefixes: Sequence[SourcePrefix]
    hypotheses: dict[tuple[str, bool], tuple[str, ...]]

    @classmethod
    def load(cls, path: Path = DEMO) -> "Recording":
        prefixes, hypotheses = [], {}
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            words = tuple(entry.pop("hypothesis").split())
            prefixes.append(SourcePrefix(**entry))
            hypotheses[prefixes[-1].text, prefixes[-1].finished] = words
        return cls(prefixes, hypotheses)

    def translator(self) -> FakeTranslator:
        """Gives the recorded hypotheses; of a text that was cut anew, those of its length."""

        def policy(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
            found = self.hypotheses.get((" ".join(words), finished))
            return Hypothesis(words=committed if found is None else found, n_fixed=0)

        return FakeTranslator(policy)

    def replay(self, stability: StabilityConfig) -> list[Caption]:
        """The captions that the session would have had."""
        session = Session(self.translator(), session="recorded", stability=stability)
        timer = SourceTimer()
        prefixes = [timer.note(prefix, prefix.end_s) for prefix in self.prefixes]
        captions = [c for p in prefixes for c in session.feed(p, p.end_s)]
        return in_order(captions + session.finish(self.prefixes[-1].end_s))


def record(prefixes: Iterable[SourcePrefix], path: Path = DEMO) -> None:
    """Translate prefixes with the shipped ReTA and write them down."""
    from app.models.registry import Registry, load_translator
    from engine.policies.config import PolicyConfig

    model = Registry().find_translator("reta", "en", "de")
    translator = load_translator(model, device="cpu", policy=PolicyConfig())
    with path.open("w", encoding="utf-8") as file:
        for prefix in prefixes:
            words = translator.start().update(prefix.text, finished=prefix.finished).text
            entry = {**dataclasses.asdict(prefix), "hypothesis": words}
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def recognize_demo() -> Iterable[SourcePrefix]:
    """What the shipped recogniser hears in the demonstration."""
    from app.config import Settings
    from app.models.recognition import load_stream
    from app.models.registry import ASSETS, Registry
    from app.sources.decoding import SoundFile
    from engine.audio import AudioChunk

    recognizer = load_stream(Registry().find_recognizer("en"), "cpu", Settings())
    with SoundFile(ASSETS / "demo.opus") as file:
        start_s = 0.0
        while len(samples := file.read(1600)):
            chunk = AudioChunk(samples, start_s)
            start_s = chunk.end_s
            yield from recognizer.accept(chunk)
    yield from recognizer.finish()


if __name__ == "__main__":
    record(recognize_demo())
