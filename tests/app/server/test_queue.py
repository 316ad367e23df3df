"""The sound of a stream on its way to the recogniser."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.server.queue import CHUNK_S, MAX_CHUNK_S, SoundQueue
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, Samples


def ramp(start: int, n: int) -> Samples:
    """Samples whose values tell where they belong."""
    return np.arange(start, start + n, dtype=np.float32)


async def collect(queue: AsyncIterator[AudioChunk]) -> list[AudioChunk]:
    return [chunk async for chunk in queue]


@given(st.lists(st.integers(0, 5000), max_size=20))
def test_every_sample_comes_once_in_order_and_at_its_time(sizes: list[int]) -> None:
    async def through() -> list[AudioChunk]:
        queue = SoundQueue(60.0)
        for i, size in enumerate(sizes):
            queue.put(ramp(sum(sizes[:i]), size))
        queue.close()
        return await collect(queue)

    chunks = asyncio.run(through())
    heard = np.concatenate([chunk.samples for chunk in chunks]) if chunks else ramp(0, 0)
    assert heard.tolist() == list(range(sum(sizes)))
    for chunk in chunks:
        assert chunk.duration_s <= MAX_CHUNK_S
        assert round(chunk.start_s * SAMPLE_RATE_HZ) == chunk.samples[0]


async def test_beyond_the_limit_the_oldest_sound_is_left_out_and_times_show_the_gap() -> None:
    queue = SoundQueue(1.0)
    for second in range(3):
        queue.put(ramp(second * SAMPLE_RATE_HZ, SAMPLE_RATE_HZ))
    queue.close()
    chunks = await collect(queue)
    assert queue.dropped_s == 2.0
    assert chunks[0].start_s == 2.0
    assert chunks[0].samples[0] == 2 * SAMPLE_RATE_HZ


async def test_short_pieces_wait_for_more_unless_told_otherwise() -> None:
    queue = SoundQueue(1.0)
    queue.put(ramp(0, 10))
    taking = asyncio.ensure_future(anext(queue))
    await asyncio.sleep(0)
    assert not taking.done()
    queue.flush()
    assert len((await taking).samples) == 10
    queue.put(ramp(10, round(CHUNK_S * SAMPLE_RATE_HZ)))
    assert (await anext(queue)).start_s == 10 / SAMPLE_RATE_HZ


async def test_a_writer_that_must_not_lose_sound_waits_for_room() -> None:
    queue = SoundQueue(1.0)
    queue.put(ramp(0, round(0.8 * SAMPLE_RATE_HZ)))
    waiting = asyncio.ensure_future(queue.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await anext(queue)
    await waiting
    assert queue.dropped_s == 0
