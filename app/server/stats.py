"""Figures of a server, and their form for Prometheus. No I/O."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from engine.captions import LiveFigures, LoadState

DELAY_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Histogram:
    """Counts of durations below each of `DELAY_BOUNDS_S`, as Prometheus counts them.

    Durations may be added in several threads.
    """

    counts: list[int] = field(default_factory=lambda: [0] * len(DELAY_BOUNDS_S))
    total: int = 0
    sum_s: float = 0.0
    processor_s: float = 0.0
    """What of it a processor worked, where that was measured; the rest it did something else."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, seconds: float, processor_s: float = 0.0) -> None:
        """Count one duration."""
        with self._lock:
            self.total += 1
            self.sum_s += seconds
            self.processor_s += processor_s
            for i, bound in enumerate(DELAY_BOUNDS_S):
                self.counts[i] += seconds <= bound


@dataclass(slots=True)
class Stages:
    """Where the time of the models' threads goes; counted in those threads."""

    wait: Histogram = field(default_factory=Histogram)
    """For a thread, before each call."""
    recognise: Histogram = field(default_factory=Histogram)
    """Each chunk of sound, most of which are no step of the recogniser."""
    translate: Histogram = field(default_factory=Histogram)
    """Each source prefix."""


@dataclass(slots=True)
class ServerStats:
    """What happened since the server was started; changed on the event loop, but for `stages`."""

    viewers: int = 0
    sessions: int = 0
    sessions_total: int = 0
    captions: int = 0
    finals: int = 0
    coalesced: int = 0
    """Outdated revisions that slow viewers were spared."""
    heard_s: float = 0.0
    dropped_s: float = 0.0
    """Sound left out because the machine was behind."""
    live: dict[str, LiveFigures] = field(default_factory=dict)
    """Of every session that has a caption and has not ended, as with its newest caption."""
    delay: Histogram = field(default_factory=Histogram)
    """From the end of a caption's source to its emission."""
    stages: Stages = field(default_factory=Stages)
    """Of the sessions of `dragoman serve`."""
    fan_out: Histogram = field(default_factory=Histogram)
    """From the emission of a caption to its leaving for a viewer."""
    refused: Counter[str] = field(default_factory=Counter)
    """By HTTP status."""
    closed: Counter[str] = field(default_factory=Counter)
    """By close code, where the server closed a connection for a reason."""

    def render(self) -> str:
        """The text that Prometheus reads."""
        return "".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _metric("viewers", "gauge", "Caption viewers connected.", self.viewers)
        yield from _metric("sessions", "gauge", "Streams of sound being read.", self.sessions)
        counters = (
            ("sessions_started", "Streams of sound begun.", self.sessions_total),
            ("captions", "Captions made.", self.captions),
            ("finals", "Final captions made.", self.finals),
            ("captions_coalesced", "Revisions that slow viewers were spared.", self.coalesced),
            ("audio_seconds", "Sound read.", self.heard_s),
            ("audio_dropped_seconds", "Sound left out.", self.dropped_s),
        )
        for name, help_text, value in counters:
            yield from _metric(f"{name}_total", "counter", help_text, value)
        refused, closed = self.refused, self.closed
        yield from _labelled("refused_total", "counter", "Requests refused.", "status", refused)
        yield from _labelled("closed_total", "counter", "Connections closed.", "code", closed)
        yield from self._live_lines()
        yield from _histogram("caption_delay_seconds", "Source end to emission.", self.delay)
        stages = self.stages
        yield from _histogram("wait_seconds", "For a thread, before each call.", stages.wait)
        yield from _histogram("recognise_seconds", "Work on a chunk of sound.", stages.recognise)
        yield from _histogram("translate_seconds", "Work on a source prefix.", stages.translate)
        processor_s = {
            "recognise": stages.recognise.processor_s,
            "translate": stages.translate.processor_s,
        }
        yield from _labelled(
            "processor_seconds_total", "counter", "Work of the processor.", "stage", processor_s
        )
        yield from _histogram("fan_out_seconds", "Emission to sending.", self.fan_out)

    def _live_lines(self) -> Iterator[str]:
        """Figures of the sessions that run; the means weigh each session alike."""
        live = self.live.values()
        loads = [figures.load for figures in live]
        states = {str(state): loads.count(state) for state in LoadState}
        yield from _labelled(
            "sessions_by_load", "gauge", "Sessions, by how they keep up.", "load", states
        )
        erasures = [figures.normalized_erasure for figures in live]
        delays = [figures.delay_s for figures in live if figures.delay_s is not None]
        factors = [f.real_time_factor for f in live if f.real_time_factor is not None]
        for name, help_text, values, summary in (
            ("normalized_erasure", "Words taken back for each committed one.", erasures, fmean),
            ("word_delay_seconds", "From a word being said to its captions.", delays, fmean),
            ("real_time_factor", "Work for a second of sound, at most.", factors, max),
        ):
            if values:
                yield from _metric(name, "gauge", help_text, summary(values))


def _metric(name: str, kind: str, help_text: str, value: float) -> Iterator[str]:
    yield f"# HELP dragoman_{name} {help_text}\n# TYPE dragoman_{name} {kind}\n"
    yield f"dragoman_{name} {value}\n"


def _labelled(
    name: str, kind: str, help_text: str, label: str, values: Mapping[str, float]
) -> Iterator[str]:
    yield f"# HELP dragoman_{name} {help_text}\n# TYPE dragoman_{name} {kind}\n"
    for key, value in sorted(values.items()):
        yield f'dragoman_{name}{{{label}="{key}"}} {value}\n'


def _histogram(name: str, help_text: str, histogram: Histogram) -> Iterator[str]:
    yield f"# HELP dragoman_{name} {help_text}\n# TYPE dragoman_{name} histogram\n"
    for bound, count in zip(DELAY_BOUNDS_S, histogram.counts, strict=True):
        yield f'dragoman_{name}_bucket{{le="{bound}"}} {count}\n'
    yield f'dragoman_{name}_bucket{{le="+Inf"}} {histogram.total}\n'
    yield f"dragoman_{name}_sum {histogram.sum_s}\ndragoman_{name}_count {histogram.total}\n"
