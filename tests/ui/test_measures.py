"""What the overlay promises in figures, measured on a real X server; `pytest -s` prints them.

What the overlay itself is slow at, it is slow at each time. So a figure that is not kept is taken
again, three times in all, before it counts: other programs share the machine.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from random import Random

import pytest

from engine.captions import Caption
from tests.patience import wait_until
from tests.ui.screen import NEEDS_X, Band, Box, Start
from tests.ui.streams import caption

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)
pytestmark = NEEDS_X

RECORDED = [
    Caption.from_json(line)
    for line in (Path(__file__).parent / "recorded.jsonl").read_text(encoding="utf-8").splitlines()
]
LONGEST_STALL_MS = 50.0
PAINT_P95_MS = 33.0
IDLE_CPU_PERCENT = 1.0
REPAINTS_HZ = 30
CALM_S = 0.5
ATTEMPTS = 3


def slack() -> float:
    """How many programs want each processor: where others work, waiting for them is not ours."""
    return max(1.0, (os.getloadavg()[0] + 1) / (os.cpu_count() or 1))


def best(measure: Callable[[], float], bound: float) -> float:
    """The first figure within the bound, or the best of all."""
    found = []
    for _ in range(ATTEMPTS):
        found.append(measure())
        if found[-1] <= bound:
            break
    return min(found)


def resident_kb(band: Band) -> int:
    status = Path(f"/proc/{band.process.pid}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def publish_and_wait(band: Band, one: Caption, row: Box) -> float:
    """How long, in ms, from the engine's side of the pipe to other pixels on the screen."""
    before = band.screen.picture(row)
    start_s = time.monotonic()
    band.publish(one)
    assert wait_until(lambda: bool((band.screen.picture(row) != before).any()))
    return (time.monotonic() - start_s) * 1000


def watch_for(seconds: float) -> None:
    """Let time pass that is the matter of the measurement."""
    end_s = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end_s, seconds + 1)


def test_a_caption_is_on_the_screen_within_33_ms(start: Start) -> None:
    band = start(motion="on", tray=False)
    x, y, width, height = band.box()
    row = (x, y + height // 2, width, 12)
    chance, revisions = Random(7), count()

    def p95_ms() -> float:
        took_ms = []
        for n in islice(revisions, 60):
            watch_for(chance.uniform(0.1, 0.3))
            took_ms.append(publish_and_wait(band, caption("", "M" * (1 + n % 9), revision=n), row))
        took_ms.sort()
        print(f"caption to pixels: p50 {took_ms[30]:.1f} ms, p95 {took_ms[56]:.1f} ms")
        return took_ms[56]

    bound_ms = PAINT_P95_MS * slack()
    assert best(p95_ms, bound_ms) <= bound_ms


def test_an_idle_band_costs_next_to_nothing_and_paints_nothing(start: Start) -> None:
    band = start(motion="on", tray=False)
    band.publish(caption("Guten Tag", "alle"))
    assert wait_until(lambda: band.ink(band.box()) > 300)
    watch_for(CALM_S)
    paints = int(band.answer("paints"))

    def cpu_percent() -> float:
        cpu_s, start_s = float(band.answer("cpu")), time.monotonic()
        watch_for(5.0)
        percent = 100 * (float(band.answer("cpu")) - cpu_s) / (time.monotonic() - start_s)
        print(f"idle: {percent:.2f} % of a core, {int(band.answer('paints')) - paints} repaints")
        return percent

    assert best(cpu_percent, IDLE_CPU_PERCENT) <= IDLE_CPU_PERCENT
    assert int(band.answer("paints")) == paints


def test_a_flood_of_captions_neither_freezes_the_window_nor_paints_too_often(
    start: Start,
) -> None:
    band = start(motion="on", tray=False)
    band.publish(RECORDED[0])
    assert wait_until(lambda: bool(band.screen.picture(band.box()).any()))
    watch_for(CALM_S)
    turns = count()
    rates_hz = []

    def longest_stall_ms() -> float:
        band.tell("watch")
        paints, start_s = int(band.answer("paints")), time.monotonic()
        for turn in islice(turns, 3):
            for one in RECORDED:
                band.publish(replace(one, session=f"turn {turn}"))
            band.tell("busy")  # the engine's own thread hangs meanwhile
        stall_ms = float(band.answer("stalls"))
        rates_hz.append((int(band.answer("paints")) - paints) / (time.monotonic() - start_s))
        print(f"flood: longest stall {stall_ms:.0f} ms, {rates_hz[-1]:.0f} repaints a second")
        return stall_ms

    bound_ms = LONGEST_STALL_MS * slack()
    assert best(longest_stall_ms, bound_ms) <= bound_ms
    assert max(rates_hz) <= REPAINTS_HZ + 1


def test_memory_is_flat_over_ten_thousand_captions(start: Start) -> None:
    band = start(motion="on", tray=False)
    numbers = count()

    def resident_after_a_thousand_kb() -> int:
        for number in islice(numbers, 1000):
            text = f"Satz {number} mit einigen Wörtern"
            segment, revision = divmod(number, 4)
            final = revision == 3
            words = (text, "") if final else ("", text)
            band.publish(caption(*words, segment=segment, revision=revision, final=final))
        band.answer("paints")  # all were read
        return resident_kb(band)

    def growth_kb() -> int:
        sizes = [resident_after_a_thousand_kb() for _ in range(10)]
        print("memory, kB, after each thousand captions:", *sizes)
        return sizes[-1] - sizes[2]

    bound_kb = 4 * 1024
    assert best(growth_kb, bound_kb) <= bound_kb
