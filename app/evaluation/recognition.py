"""Evaluation of the recogniser on test sets."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.evaluation.figures import Progress, spread
from engine.audio import SAMPLE_RATE_HZ, AudioChunk
from engine.recognized import RecognizedWord
from engine.source import SourcePrefix
from models.transcript import normalize_transcript

Transcriber = Callable[[Any], tuple[str, Mapping[str, list[float]]]]
"""Samples at 16 kHz → text of the recording and its measurements by name: `spent_s` and, live,
`first_partial_s`, `commit_delay_s` and `changed_partials`."""


@dataclass(slots=True)
class StreamedRecording:
    """What a streaming recogniser wrote for one recording, and when."""

    prefixes: list[tuple[float, SourcePrefix]]
    """Audio read, in seconds plus the computation for it, and what was known then."""
    words: list[tuple[float, RecognizedWord]]
    """When each word was committed, and the word."""
    first_texts: dict[float, float] = field(default_factory=dict)
    """When each stretch of speech began, and when its first text was there."""

    @property
    def text(self) -> str:
        """The final text of all segments."""
        return " ".join(prefix.text for _, prefix in self.prefixes if prefix.finished)


def stream_recording(
    recognizer: Any, samples: Any, *, step_s: float = 0.1
) -> tuple[StreamedRecording, float]:
    """Feed a recording to a streaming recogniser in real-time steps.

    Returns:
        What was written when, counting each step's computation behind the audio it needed, and
        the computation in all, in seconds.
    """
    streamed = StreamedRecording([], [])
    n_step = round(step_s * SAMPLE_RATE_HZ)
    spent_s, free_s, n_words, segment = 0.0, 0.0, 0, -1
    for start in range(0, len(samples) + n_step, n_step):
        chunk = samples[start : start + n_step]
        began = time.perf_counter()
        prefixes = (
            recognizer.accept(AudioChunk(chunk, start / SAMPLE_RATE_HZ))
            if len(chunk)
            else recognizer.finish()
        )
        took_s = time.perf_counter() - began
        spent_s += took_s
        arrived_s = min(len(samples), start + n_step) / SAMPLE_RATE_HZ
        free_s = max(arrived_s, free_s) + took_s
        streamed.prefixes += [(free_s, prefix) for prefix in prefixes]
        if any(prefix.text for prefix in prefixes) and recognizer.speech_start_s is not None:
            streamed.first_texts.setdefault(recognizer.speech_start_s, free_s)
        if prefixes and prefixes[-1].segment != segment:
            segment, n_words = prefixes[-1].segment, 0
        streamed.words += [(free_s, word) for word in recognizer.words[n_words:]]
        n_words = max(n_words, len(recognizer.words))
        if not len(chunk):
            break
    return streamed, spent_s


def evaluate_recognition(
    recordings: Iterator[tuple[Any, str]],
    n_recordings: int,
    *,
    lang: str,
    transcribers: Mapping[str, Transcriber],
    progress: Progress = lambda done: None,
) -> dict[str, Any]:
    """Word error rate and speed over recordings (samples at 16 kHz, transcript).

    Args:
        recordings: to be recognised.
        n_recordings: how many there are.
        lang: of the transcripts; both sides go through `normalize_transcript`.
        transcribers: ways to recognise by the key of their word error rate; speed and delays are
            those of the last.
        progress: told the part that is done.

    Returns:
        Figures by name; None where nothing was measured, such as the delays of whole files.
    """
    import jiwer

    references, audio_s = [], 0.0
    hypotheses: dict[str, list[str]] = {key: [] for key in transcribers}
    measured: dict[str, list[float]] = {}
    last = list(transcribers)[-1]
    for index, (samples, transcript) in enumerate(recordings):
        references.append(normalize_transcript(transcript, lang))
        audio_s += len(samples) / SAMPLE_RATE_HZ
        for key, transcribe in transcribers.items():
            text, figures = transcribe(samples)
            hypotheses[key].append(normalize_transcript(text, lang))
            for name, values in figures.items() if key == last else ():
                measured.setdefault(name, []).extend(values)
        progress((index + 1) / n_recordings)
    result: dict[str, Any] = {
        "wer": None,
        "wer_lm": None,
        **{key: jiwer.wer(references, texts) for key, texts in hypotheses.items()},
        "rtf": sum(measured["spent_s"]) / audio_s,
        "n_words": sum(len(text.split()) for text in references),
        "n_recordings": len(references),
        "normalizer": "models.transcript.normalize_transcript",
    }
    for name in ("first_partial_s", "commit_delay_s"):
        result[name] = spread(measured[name]) if measured.get(name) else None
    changed = measured.get("changed_partials")
    result["changed_partials"] = statistics.fmean(changed) if changed else None
    return result


def live_figures(streamed: StreamedRecording, spent_s: float) -> dict[str, list[float]]:
    """Measurements of a streamed recording.

    The delay of a commit counts from the end of the spoken word; that of the first text, tentative
    or not, from where the voice detector first heard the stretch of speech that it belongs to.
    """
    figures: dict[str, list[float]] = {
        "spent_s": [spent_s],
        "commit_delay_s": [at_s - word.end_s for at_s, word in streamed.words],
        "first_partial_s": [at_s - start_s for start_s, at_s in streamed.first_texts.items()],
    }
    shown: dict[int, list[str]] = {}
    changed: list[float] = []
    for _, prefix in streamed.prefixes:
        words = prefix.text.split()
        before = shown.get(prefix.segment, [])
        changed += [float(words[i : i + 1] != [word]) for i, word in enumerate(before)]
        shown[prefix.segment] = words
    figures["changed_partials"] = changed
    return figures
