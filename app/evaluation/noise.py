"""What a live recogniser hears where nobody speaks."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from engine.audio import SAMPLE_RATE_HZ, AudioChunk, Samples
from engine.recognizer import StreamingRecognizer
from engine.source import SourcePrefix

_PAUSE = np.zeros(SAMPLE_RATE_HZ, np.float32)  # between two sounds, so that each ends by itself
_CHUNK_SAMPLES = SAMPLE_RATE_HZ // 10


def silence() -> Iterator[tuple[str, Samples]]:
    """A room in which nothing is to be heard but the microphone itself, without end."""
    dice = np.random.default_rng(0)
    while True:
        yield "silence", (dice.normal(size=10 * SAMPLE_RATE_HZ) * 1e-4).astype(np.float32)


def evaluate_noise(
    recognizer: StreamingRecognizer,
    sounds: Iterable[tuple[str, Samples]],
    *,
    longest_s: float,
    progress: Callable[[float], None] = lambda done: None,
) -> dict[str, Any]:
    """Stream sounds, one after the other, and count the words that were made of them.

    Args:
        recognizer: of a fresh stream.
        sounds: name and samples at 16 kHz; what comes after `longest_s` is not heard.
        longest_s: length of the stream, in seconds.
        progress: told the part that is done.

    Returns:
        `seconds`, `n_words` of finals, `n_shown` segments that showed anything at all, tentative
        text included, and `heard`, the texts by sound.
    """
    position, heard = 0, dict[str, list[str]]()
    shown: set[int] = set()
    end = round(longest_s * SAMPLE_RATE_HZ)
    for name, samples in sounds:
        stretch = np.concatenate((samples, _PAUSE))[: end - position]
        for start in range(0, len(stretch), _CHUNK_SAMPLES):
            chunk = stretch[start : start + _CHUNK_SAMPLES]
            prefixes = recognizer.accept(AudioChunk(chunk, (position + start) / SAMPLE_RATE_HZ))
            _note(prefixes, name, shown, heard)
        position += len(stretch)
        progress(position / end)
        if position >= end:
            break
    _note(recognizer.finish(), "end", shown, heard)
    words = itertools.chain.from_iterable(text.split() for text in itertools.chain(*heard.values()))
    return {
        "seconds": position / SAMPLE_RATE_HZ,
        "n_words": sum(1 for _ in words),
        "n_shown": len(shown),
        "heard": {name: " / ".join(texts) for name, texts in heard.items()},
    }


def _note(
    prefixes: Iterable[SourcePrefix], name: str, shown: set[int], heard: dict[str, list[str]]
) -> None:
    for prefix in prefixes:
        if prefix.text:
            shown.add(prefix.segment)
        if prefix.finished and prefix.text:
            heard.setdefault(name, []).append(prefix.text)
