"""Live captions of sound without waiting for it: each step happens when the sound was there."""

from collections.abc import Iterator

from engine.audio import SAMPLE_RATE_HZ, AudioChunk, Samples
from engine.captions import Caption
from engine.recognizer import StreamingRecognizer
from engine.session import Session
from engine.source import SourcePrefix
from engine.word_times import SourceTimer

_CHUNK_SAMPLES = SAMPLE_RATE_HZ // 10


def hear(
    recognizer: StreamingRecognizer, sound: Samples, *, n_rounds: int = 1
) -> Iterator[tuple[SourcePrefix, float]]:
    """The prefixes of a stream from its beginning to its end, and how much was heard then.

    The sound is heard `n_rounds` times over.
    """
    timer = SourceTimer()
    end_s = 0.0
    for _ in range(n_rounds):
        for start in range(0, len(sound), _CHUNK_SAMPLES):
            chunk = AudioChunk(sound[start : start + _CHUNK_SAMPLES], end_s)
            end_s = chunk.end_s
            for prefix in recognizer.accept(chunk):
                yield timer.note(prefix, end_s), end_s
    for prefix in recognizer.finish():
        yield timer.note(prefix, end_s), end_s


def captions_of(
    recognizer: StreamingRecognizer, session: Session, sound: Samples
) -> Iterator[Caption]:
    """The captions of a stream, to its end; session time is the sound that was heard."""
    for prefix, now_s in hear(recognizer, sound):
        yield from session.feed(prefix, now_s)
    yield from session.finish(len(sound) / SAMPLE_RATE_HZ)
