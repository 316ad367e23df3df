"""Channels: bounded, with an end."""

import asyncio

import pytest

from engine.channel import Channel, PrefixChannel
from tests.fakes import prefix


async def test_full_channel_makes_the_putter_wait() -> None:
    channel = Channel[int](1)
    await channel.put(1)
    second = asyncio.create_task(channel.put(2))
    await asyncio.sleep(0)
    assert not second.done()
    assert await anext(channel) == 1
    await second
    channel.close()
    assert [item async for item in channel] == [2]


async def test_closed_channel_discards_and_lets_waiting_putters_go() -> None:
    channel = Channel[int](1)
    await channel.put(1)
    waiting = asyncio.create_task(channel.put(2))
    await asyncio.sleep(0)
    channel.close()
    await waiting
    await channel.put(3)
    assert [item async for item in channel] == [1]


async def test_dropping_channel_drops_the_oldest_and_counts() -> None:
    channel = Channel[int](2, drop_oldest=True)
    for i in range(5):
        await channel.put(i)
    channel.close()
    assert channel.n_dropped == 3
    assert [item async for item in channel] == [3, 4]


async def test_drained_waits_until_the_reader_asks_for_more() -> None:
    channel = Channel[int](2)
    done: list[int] = []
    hold = asyncio.Event()

    async def read() -> None:
        async for item in channel:
            await hold.wait()
            done.append(item)

    reading = asyncio.create_task(read())
    await channel.put(1)
    draining = asyncio.create_task(channel.drained())
    await asyncio.sleep(0)
    assert not draining.done()
    hold.set()
    await draining
    assert done == [1]
    channel.close()
    await reading


async def test_stale_prefix_of_the_same_segment_is_replaced_in_its_place() -> None:
    channel = PrefixChannel(2, conflate=True)
    end = prefix("b", finished=True)
    newer = prefix("c", "d", segment=1)
    for item in (prefix("a"), end, prefix("c", segment=1), newer):
        await channel.put(item)
    channel.close()
    assert [item async for item in channel] == [end, newer]
    assert channel.n_conflated == 2


def test_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match="limit = 0"):
        Channel[int](0)
