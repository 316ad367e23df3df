"""A house full of viewers that connect and never read."""

import asyncio
import contextlib

from websockets.asyncio.client import connect

from tests.soak.test_viewers import Watch, deaf, memory_mb, server

N_DEAF = 240
WATCHED_S = 40.0


async def deaf_again_and_again(url: str) -> None:
    while True:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(15):  # then the next one in its place
                await deaf(url)


async def test_deaf_viewers_take_a_bounded_memory() -> None:
    reader = Watch()
    async with server() as (process, address):
        url = f"ws://{address}/captions"
        async with connect(url):
            before_mb = memory_mb(process)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(reader.run(url))]
            tasks += [group.create_task(deaf_again_and_again(url)) for _ in range(N_DEAF)]
            used = []
            for _ in range(int(WATCHED_S)):
                await asyncio.sleep(1.0)
                used.append(memory_mb(process))
            for task in tasks:
                task.cancel()
    print(
        f"\n{N_DEAF} deaf viewers for {WATCHED_S:.0f} s: server {before_mb:.0f} MB without them, "
        f"at most {max(used):.0f} MB with them, {used[-1]:.0f} MB at the end; a reader beside them "
        f"got {len(reader.finals)} finals"
    )
    assert max(used) < before_mb + 100
    assert len(reader.finals) > WATCHED_S / 2
