"""`dragoman bench serve`: how many live streams this machine holds, and where the time goes."""

import asyncio
import contextlib
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from app.bench.streams import Heard, LoadTestError, percentile, run_streams
from app.server.processors import count_processors
from engine.audio import Samples
from engine.journal import Journal

P95_LAG_S = 2.0
"""A machine holds so many streams as have their captions within this, all but 5 % of them."""
MAX_STREAMS = 64

STAGES = {
    "wait": "waiting for a thread",
    "recognise": "recognise",
    "translate": "translate",
    "fan_out": "fan-out",
}
"""Stages by their names in `/metrics`."""

_SERVE = (sys.executable, "-m", "app", "serve")
_ADDRESS = re.compile(rb"(?:ws|http)s?://([^/\s]+:\d+)")
_HISTOGRAM = re.compile(r"^dragoman_(\w+)_seconds_(?:(sum|count)|bucket\{le=\"([^\"]+)\"\}) (\S+)$")
_PROCESSOR = re.compile(r"^dragoman_processor_seconds_total\{stage=.(\w+).\} (\S+)$", re.M)
_END_S = 60.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTest:
    """What is measured."""

    sound: Samples
    """Speech, 16 kHz; every stream says it from another place on."""
    seconds: float
    """How long the streams speak."""
    options: Sequence[str] = ()
    """Of `dragoman serve`."""
    command: Sequence[str] = _SERVE

    def run(self, n_streams: int) -> dict[str, Any]:
        """Measure so many streams on a server of their own; the figures as a JSON object.

        Raises:
            LoadTestError: the server did not start, or a stream did not come to its end.
        """
        with tempfile.TemporaryDirectory() as folder:
            journal = Path(folder) / "journal.sqlite3"
            heard, took_s, metrics = asyncio.run(self._run(n_streams, journal))
            return {"took_s": took_s, **figures(heard, _kept_finals(journal), metrics)}

    async def _run(self, n_streams: int, journal: Path) -> tuple[list[Heard], float, str]:
        own = ("--port", "0", "--max-sessions", str(n_streams), "--journal", str(journal))
        async with _server((*self.command, *own, *self.options)) as address:
            # One viewer, so that there is a fan-out to be measured.
            async with _viewing(address):
                begin = time.monotonic()
                heard = await run_streams(address, self.sound, n_streams, self.seconds)
                took_s = time.monotonic() - begin
            metrics = await asyncio.to_thread(_read_metrics, address)
        return heard, took_s, metrics


def find_capacity(measure: Callable[[int], Mapping[str, Any]], tell: Tell) -> int:
    """The number of streams that are held, found by doubling and then halving the gap.

    Args:
        measure: figures for a number of streams, `holds` among them.
        tell: told what is being measured.
    """
    held, too_many = 0, MAX_STREAMS + 1
    n_streams = 4
    while too_many - held > 1:
        tell(f"{n_streams} streams")
        if measure(n_streams)["holds"]:
            held = n_streams
        else:
            too_many = n_streams
        n_streams = min(2 * held, MAX_STREAMS) if too_many > MAX_STREAMS else (held + too_many) // 2
    return held


def figures(
    heard: Sequence[Heard], kept: Mapping[str, Sequence[int]], metrics: str
) -> dict[str, Any]:
    """What the streams got, against what the journal has, and the server's own figures.

    Args:
        heard: by the streams.
        kept: session → numbers of the finals that the server made.
        metrics: its page `/metrics` at the end.
    """
    lags = [lag for stream in heard for lag in stream.lags_s]
    final_lags = [lag for stream in heard for lag in stream.final_lags_s]
    states = Counter(state for stream in heard for state in stream.states)
    n_lost = sum(kept.get(stream.session, []) != stream.finals for stream in heard)
    return {
        "n_streams": len(heard),
        "n_captions": len(lags),
        "n_finals_sent": sum(map(len, kept.values())),
        "n_finals_received": len(final_lags),
        "n_streams_with_other_finals": n_lost,
        "lag_s": _spread(lags),
        "lag_of_finals_s": _spread(final_lags),
        "states": {state: n / sum(states.values()) for state, n in states.most_common()},
        "stages": stages(metrics),
        "holds": not n_lost and bool(lags) and percentile(lags, 95) <= P95_LAG_S,
    }


def stages(metrics: str) -> dict[str, dict[str, float | None]]:
    """Calls, seconds, mean and 95th percentile (a bound of it) of every stage.

    The percentile is None beyond the largest bound. Of some stages there are also the seconds that
    a processor worked for them.
    """
    sums: dict[str, float] = {}
    counts: dict[str, float] = {}
    buckets: dict[str, list[tuple[float, float]]] = {}
    for line in metrics.splitlines():
        match = _HISTOGRAM.match(line)
        if match is None:
            continue
        name, kind, bound, value = match.groups()
        if kind == "sum":
            sums[name] = float(value)
        elif kind == "count":
            counts[name] = float(value)
        elif bound != "+Inf":
            buckets.setdefault(name, []).append((float(bound), float(value)))
    processor = {name: float(value) for name, value in _PROCESSOR.findall(metrics)}

    def p95_ms(name: str) -> float | None:
        bounds = (1000 * bound for bound, n in buckets[name] if n >= 0.95 * counts[name])
        return next(bounds, None)

    return {
        name: {
            "n_calls": counts[name],
            "total_s": sums[name],
            "processor_s": processor.get(name),
            "mean_ms": 1000 * sums[name] / max(counts[name], 1),
            "p95_ms_at_most": p95_ms(name),
        }
        for name in STAGES
        if name in counts
    }


@contextlib.asynccontextmanager
async def _server(command: Sequence[str]) -> AsyncIterator[str]:
    """A server in a process of its own; its HOST:PORT."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    said: list[bytes] = []
    try:
        address = None
        async for line in process.stderr:
            said.append(line)
            if (match := _ADDRESS.search(line)) is not None:
                address = match[1].decode()
                break
        if address is None:
            words = b"".join(said).decode("utf-8", "replace").strip()
            raise LoadTestError(f"the server did not start: {words}")
        draining = asyncio.create_task(process.stderr.read())  # a full pipe would stop it
        yield address
        process.terminate()
        await asyncio.wait_for(process.wait(), _END_S)
        await draining
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def _viewing(address: str) -> AsyncIterator[None]:
    from websockets.asyncio.client import connect

    async def view() -> None:
        async with connect(f"ws://{address}/captions", compression=None, proxy=None) as viewer:
            async for _ in viewer:
                pass

    viewing = asyncio.create_task(view())
    try:
        yield
    finally:
        viewing.cancel()
        await asyncio.wait((viewing,))


def _read_metrics(address: str) -> str:
    with urlopen(f"http://{address}/metrics", timeout=_END_S) as page:
        text: str = page.read().decode()
    return text


def _kept_finals(journal: Path) -> dict[str, list[int]]:
    with Journal.open(journal) as opened:
        return {
            record.id: [c.seq for c in opened.captions(record.id, finals_only=True)]
            for record in opened.sessions()
        }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": percentile(values, 50),
        "p95": percentile(values, 95),
        "max": max(values, default=0.0),
    }


def machine() -> dict[str, Any]:
    """What the figures are of."""
    return {"processors": count_processors(), "load_average": os.getloadavg()[0]}
