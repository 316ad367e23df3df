"""Live streams on the shipped models, two cores: the bars of many sessions on one model.

`dragoman bench serve --streams 8 16` prints where the time goes.
"""

import os
from typing import Any

from app.bench.serve import P95_LAG_S, LoadTest
from app.models.registry import ASSETS
from app.sources.decoding import SoundFile
from engine.audio import SAMPLE_RATE_HZ

SECONDS = float(os.environ.get("SOAK_S", "60"))
CPU = ("--device", "cpu")


def measure(n_streams: int) -> dict[str, Any]:
    with SoundFile(ASSETS / "demo.opus") as file:
        sound = file.read(600 * SAMPLE_RATE_HZ)
    result = LoadTest(sound=sound, seconds=SECONDS, options=CPU).run(n_streams)
    print(f"\n{result}\nload average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return result


def test_8_live_streams_are_held() -> None:
    result = measure(8)
    assert result["n_streams_with_other_finals"] == 0
    assert result["n_finals_received"] == result["n_finals_sent"] > 0
    assert result["lag_s"]["p95"] <= P95_LAG_S


def test_16_live_streams_lose_no_final_and_tell_how_they_stand() -> None:
    result = measure(16)
    assert result["n_streams_with_other_finals"] == 0
    assert result["n_finals_received"] == result["n_finals_sent"] > 0
    if result["lag_s"]["p95"] > P95_LAG_S:
        assert result["states"].keys() & {"stretched", "finals only"}
