"""Steadiness and endurance of the live engine, with the shipped models.

`SOAK_SPEECH=FOLDER` takes the recordings longer than a minute that lie there; the shipped one is
taken otherwise. `SOAK_HOURS=2` lets the long session last so long; a session hears much faster
than it is spoken.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.evaluation.noise_mixer import find_clips
from app.sources.decoding import SoundFile
from engine.audio import SAMPLE_RATE_HZ, Samples
from engine.captions import Caption
from engine.live_metrics import LiveMeter
from engine.session import Session
from engine.source import SourcePrefix
from engine.stability import StabilityConfig
from tests import shipped
from tests.fakes import in_order
from tests.live import hear

SPEECH = os.environ.get("SOAK_SPEECH")
HOURS = float(os.environ.get("SOAK_HOURS", "0.25"))
LEAST_S = 60
MEMORY_MB = 20


def recordings() -> Iterator[tuple[str, Samples]]:
    if SPEECH is None:
        yield "demo", shipped.demo()
    for path in find_clips(Path(SPEECH)) if SPEECH else ():
        with SoundFile(path) as file:
            samples = file.read(24 * 3600 * SAMPLE_RATE_HZ)
        if len(samples) >= LEAST_S * SAMPLE_RATE_HZ:
            yield path.name, samples


def translate(
    prefixes: list[tuple[SourcePrefix, float]], budget: float
) -> tuple[list[Caption], float, float]:
    """The captions, their normalized erasure and the mean delay of all words, in seconds."""
    session = Session(shipped.translator(), session="s", stability=StabilityConfig(budget=budget))
    captions = [caption for prefix, now_s in prefixes for caption in session.feed(prefix, now_s)]
    captions = in_order(captions + session.finish(prefixes[-1][1]))
    meter = LiveMeter()
    for caption in captions:
        meter.observe(caption)
    delays_s = [word.delay_s for c in captions if c.final for word in c.words]
    return captions, meter.normalized_erasure, float(np.mean(delays_s))


@pytest.mark.parametrize(("name", "sound"), [pytest.param(*r, id=r[0]) for r in recordings()])
def test_a_budget_bounds_what_is_taken_back_at_little_delay(name: str, sound: Samples) -> None:
    prefixes = list(hear(shipped.recognizer(), sound))
    _, free, free_s = translate(prefixes, math.inf)
    _, bound, bound_s = translate(prefixes, 0.2)
    captions, none, none_s = translate(prefixes, 0.0)
    print(
        f"\n{name}, {len(sound) / SAMPLE_RATE_HZ:.0f} s: NE {free:.3f} and delay {free_s:.2f} s"
        f" without a budget; {bound:.3f}, {bound_s:.2f} s with 0.2;"
        f" {none:.3f}, {none_s:.2f} s with 0"
    )
    assert bound <= 0.2
    assert bound_s - free_s < 1.0
    assert not any(caption.erased for caption in captions)


def own_memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_memory_and_lag_stay_flat_for_hours() -> None:
    """Lag is how far a committed word comes behind the sound, with computing left out."""
    sound = np.concatenate((shipped.demo(), np.zeros(2 * SAMPLE_RATE_HZ, np.float32)))
    n_rounds = max(4, round(3600 * HOURS * SAMPLE_RATE_HZ / len(sound)))
    recognizer = shipped.recognizer()
    session = Session(shipped.translator(), session="s")
    lags_s: list[list[float]] = [[] for _ in range(n_rounds)]
    memory_mb: list[float] = []
    n_finals = 0
    for prefix, now_s in hear(recognizer, sound, n_rounds=n_rounds):
        index = min(int(now_s * SAMPLE_RATE_HZ) // len(sound), n_rounds - 1)
        for caption in session.feed(prefix, now_s):
            if caption.final:
                n_finals += 1
                lags_s[index] += [word.delay_s for word in caption.words]
        while len(memory_mb) <= index:
            memory_mb.append(own_memory_mb())
    means_s = [float(np.mean(lags)) for lags in lags_s]
    warm = len(memory_mb) // 4
    grown_mb = memory_mb[-1] - memory_mb[warm]
    minutes = n_rounds * len(sound) / SAMPLE_RATE_HZ / 60
    print(
        f"\n{minutes:.0f} simulated minutes, {n_finals} finals: memory "
        f"{memory_mb[warm]:.0f} MB after a quarter, {memory_mb[-1]:.0f} MB at the end; delay "
        f"{means_s[0]:.2f} s in the first round, {means_s[-1]:.2f} s in the last"
    )
    assert grown_mb < MEMORY_MB
    assert max(means_s) - min(means_s) < 1.0
