"""200 viewers of one server process, a few of them deaf, slow, stopped or killed.

Not part of `make test`; `make soak` runs it and prints the figures of docs/reliability.md.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.feeds.backoff import Backoff
from app.feeds.follow import FollowConfig, Position, follow
from engine.captions import Caption
from tests.app.server.serving import request
from tests.soak.speaker import REVISIONS

N_READERS = 190
N_DEAF = 5
N_SLOW = 5
DURATION_S = float(os.environ.get("SOAK_S", "60"))
ROOT = Path(__file__).parents[2]


@dataclass
class Watch:
    """Reads the feed and notes how late every caption came, at little cost of its own."""

    delays_s: list[float] = field(default_factory=list)
    finals: list[int] = field(default_factory=list)

    async def run(self, url: str) -> None:
        async with connect(url, compression=None) as viewer:
            await viewer.recv()
            async for message in viewer:
                found = _FIELDS.search(str(message))
                assert found is not None
                self.delays_s.append(time.monotonic() - float(found["emitted"]))
                if found["final"] == "true":
                    self.finals.append(int(found["seq"]))


_FIELDS = re.compile(
    r'"seq":(?P<seq>\d+).*"final":(?P<final>true|false).*"emitted_s":(?P<emitted>[\d.]+)'
)


@dataclass
class Follower:
    """Follows the feed with the client that is shipped."""

    finals: list[int] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_finals(self, n: int) -> None:
        async with asyncio.timeout(60):
            while len(self.finals) < n:
                self.changed.clear()
                await self.changed.wait()

    async def run(self, url: str) -> None:
        async for caption in follow(FollowConfig(url=url), Backoff(0.1, 0.5)):
            if caption.final:
                self.finals.append(caption.seq)
                self.changed.set()


@contextlib.asynccontextmanager
async def server(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A process that publishes captions as fast as people speak, and HOST:PORT."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.soak.speaker", *options, stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def memory_mb(process: asyncio.subprocess.Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


async def share_within_100_ms(address: str) -> float:
    """Of the captions that left the server for a viewer, by its own account."""
    metrics = (await request(address, "/metrics")).body.decode()
    within, total = (
        int(metrics.partition(f"dragoman_fan_out_seconds_{name} ")[2].partition("\n")[0])
        for name in ('bucket{le="0.1"}', "count")
    )
    return within / total


async def deaf(url: str) -> None:
    async with connect(url, max_queue=1) as viewer:
        viewer.transport.pause_reading()
        try:
            await asyncio.Event().wait()
        finally:
            viewer.transport.abort()


async def slow(url: str) -> None:
    with contextlib.suppress(ConnectionClosed):
        async with connect(url, max_queue=1) as viewer:
            async for _ in viewer:
                await asyncio.sleep(1.0)


async def test_slow_viewers_cost_the_others_nothing() -> None:
    readers = [Watch() for _ in range(N_READERS)]
    async with server() as (process, address):
        url = f"ws://{address}/captions"
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(reader.run(url)) for reader in readers]
            tasks += [group.create_task(deaf(url)) for _ in range(N_DEAF)]
            tasks += [group.create_task(slow(url)) for _ in range(N_SLOW)]
            await asyncio.sleep(DURATION_S / 4)
            before_mb = memory_mb(process)
            await asyncio.sleep(DURATION_S * 3 / 4)
            after_mb = memory_mb(process)
            share = await share_within_100_ms(address)
            for task in tasks:
                task.cancel()
    delays = sorted(delay for reader in readers for delay in reader.delays_s)
    p95_s = delays[int(0.95 * len(delays))]
    print(
        f"\n{N_READERS} readers, {N_DEAF} deaf, {N_SLOW} slow, {DURATION_S:.0f} s: "
        f"{len(delays)} captions delivered, fan-out delay median "
        f"{1000 * statistics.median(delays):.1f} ms, p95 {1000 * p95_s:.1f} ms, "
        f"max {1000 * delays[-1]:.1f} ms; {share:.2%} left the server within 100 ms; "
        f"server {before_mb:.0f} MB, then {after_mb:.0f} MB; "
        f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    assert p95_s <= 0.1
    assert after_mb - before_mb < 20
    for reader in readers:
        check_whole(reader.finals)


@contextlib.asynccontextmanager
async def follower(
    address: str, after: str = ""
) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.StreamReader]]:
    """The program `dragoman follow`, and the captions that it prints."""
    viewer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "follow", f"ws://{address}/captions{after}", "--jsonl",
        stdout=asyncio.subprocess.PIPE, cwd=ROOT, limit=2**24,
    )  # fmt: skip
    assert viewer.stdout is not None
    try:
        yield viewer, viewer.stdout
    finally:
        viewer.kill()
        await viewer.wait()


async def read_finals(stdout: asyncio.StreamReader, n: int) -> list[int]:
    """The numbers of the next finals."""
    finals: list[int] = []
    async with asyncio.timeout(60 + n):
        while len(finals) < n:
            caption = Caption.from_json(await stdout.readline())
            finals += [caption.seq] if caption.final else []
    return finals


async def test_a_killed_viewer_has_every_final_once_in_its_next_life() -> None:
    finals: list[int] = []
    async with server() as (_, address):
        for _ in range(5):
            after = f"?after=soak:{finals[-1]}" if finals else ""
            async with follower(address, after) as (viewer, stdout):
                finals += await read_finals(stdout, 3)
                viewer.send_signal(signal.SIGKILL)
            await asyncio.sleep(3)
    print(f"\nviewer killed 5 times: {len(finals)} finals, none missing, none twice")
    check_whole(finals)


async def test_a_viewer_stopped_for_30_s_has_every_final_once() -> None:
    async with server() as (_, address), follower(address) as (viewer, stdout):
        await stdout.readline()
        viewer.send_signal(signal.SIGSTOP)
        await asyncio.sleep(30)
        viewer.send_signal(signal.SIGCONT)
        finals = await read_finals(stdout, 40)  # of one second each: well behind the stop
    print(f"\nviewer stopped for 30 s: {len(finals)} finals, none missing, none twice")
    check_whole(finals)


async def test_a_server_stopped_for_30_s_loses_no_final() -> None:
    reader = Follower()
    async with server() as (process, address):
        running = asyncio.create_task(reader.run(f"ws://{address}/captions"))
        await reader.until_finals(6)
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(30)
        process.send_signal(signal.SIGCONT)
        await reader.until_finals(len(reader.finals) + 20)
        running.cancel()
    print(f"\nserver stopped for 30 s: {len(reader.finals)} finals, none missing, none twice")
    check_whole(reader.finals)


async def test_a_killed_server_loses_no_final(tmp_path: Path) -> None:
    """The journal has every final; a viewer that comes back to the next process gets the rest."""
    journal = str(tmp_path / "journal.sqlite3")
    position, finals = Position(), []
    async with server("--journal", journal) as (process, address):
        async with connect(f"ws://{address}/captions") as viewer:
            with contextlib.suppress(ConnectionClosed):
                async for message in viewer:
                    captions, _ = position.accept(message)
                    finals += [caption.seq for caption in captions if caption.final]
                    if len(finals) == 10:
                        viewer.transport.pause_reading()
                        await asyncio.sleep(3)
                        process.kill()
                        break
    async with server("--journal", journal, "--silent") as (_, address):
        ((_, after),) = position.query()
        async with connect(f"ws://{address}/captions?after={after}") as viewer:
            assert json.loads(await viewer.recv())["lost"] == []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    async for message in viewer:
                        finals.append(Caption.from_json(message).seq)
    print(f"\nserver killed: {len(finals)} finals, none missing, none twice")
    assert len(finals) > 10
    check_whole(finals)


def check_whole(finals: Sequence[int]) -> None:
    """The speaker's finals are every (REVISIONS + 1)-th caption."""
    assert finals
    first = finals[0]
    assert list(finals) == list(range(first, first + len(finals) * (REVISIONS + 1), REVISIONS + 1))
