"""Fan-out: slow consumers lose old revisions, never a final."""

import asyncio

import pytest

from engine.captions import Caption
from engine.fanout import Fanout, OverrunError, Subscription
from engine.session import Session
from tests.fakes import FakeTranslator, ManualClock, prefix, upper


def segments(n: int, words: int = 3) -> list[Caption]:
    """Captions of n segments: one per word, then the final."""
    session = Session(FakeTranslator(upper), session="s")
    captions = []
    for segment in range(n):
        text = [f"w{i}" for i in range(words)]
        for i in range(words):
            captions += session.feed(prefix("", " ".join(text[: i + 1]), segment=segment), 1.0)
        captions += session.feed(prefix(" ".join(text), segment=segment, finished=True), 2.0)
    return captions


async def collect(subscription: Subscription) -> list[Caption]:
    return [caption async for caption in subscription]


async def test_consumer_that_keeps_up_gets_every_caption() -> None:
    fanout = Fanout()
    subscription = fanout.subscribe()
    received = []
    for caption in segments(2):
        fanout.publish(caption)
        received.append(await anext(subscription))
    assert received == segments(2)


async def test_slow_consumer_gets_the_latest_revision_and_every_final() -> None:
    fanout = Fanout()
    subscription = fanout.subscribe()
    captions = segments(3)
    for caption in captions[:-1]:  # the last segment is still open
        fanout.publish(caption)
    fanout.close()
    received = await collect(subscription)
    assert received == [captions[3], captions[7], captions[10]]
    assert subscription.n_coalesced == 8


async def test_one_slow_consumer_holds_up_nobody() -> None:
    fanout = Fanout()
    slow, fast = fanout.subscribe(limit=2), fanout.subscribe()
    received = []
    for caption in segments(10):
        fanout.publish(caption)
        received.append(await anext(fast))
    assert received == segments(10)
    assert len(slow) == 2


async def test_consumer_that_would_lose_a_final_is_let_go_and_told_where_to_resume() -> None:
    fanout = Fanout()
    subscription = fanout.subscribe(limit=2)
    captions = segments(4)
    for caption in captions:
        fanout.publish(caption)
    received = [await anext(subscription), await anext(subscription)]
    with pytest.raises(OverrunError) as caught:
        await anext(subscription)
    assert [c.segment for c in received] == [0, 1]
    assert captions[caught.value.next_seq].segment == 2


async def test_snapshot_holds_last_finals_and_open_segments_in_order() -> None:
    fanout = Fanout()
    captions = segments(3)
    for caption in captions[:-1]:
        fanout.publish(caption)
    subscription = fanout.subscribe(snapshot=True)
    fanout.publish(captions[-1])
    fanout.close()
    assert fanout.snapshot() == [captions[3], captions[7], captions[11]]
    assert await collect(subscription) == [captions[3], captions[7], captions[11]]


async def test_closed_subscription_and_closed_fanout_end_iteration() -> None:
    fanout = Fanout()
    left = fanout.subscribe()
    waiting = asyncio.create_task(collect(fanout.subscribe()))
    left.close()
    fanout.publish(segments(1)[0])
    fanout.close()
    assert await collect(left) == []
    assert len(await waiting) == 1
    assert await collect(fanout.subscribe()) == []


def test_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match="limit = 0"):
        Fanout().subscribe(limit=0)


async def test_consumer_that_is_seconds_behind_is_let_go_after_what_waits() -> None:
    clock = ManualClock()
    fanout = Fanout()
    subscription = fanout.subscribe(max_behind_s=5.0, clock=clock)
    finals = [caption for caption in segments(3) if caption.final]
    fanout.publish(finals[0])
    clock.now_s = 5.0
    fanout.publish(finals[1])
    clock.now_s = 5.1
    fanout.publish(finals[2])
    assert [await anext(subscription) for _ in range(2)] == finals[:2]
    with pytest.raises(OverrunError) as overrun:
        await anext(subscription)
    assert overrun.value.next_seq == finals[2].seq


async def test_consumer_may_want_some_captions_only() -> None:
    fanout = Fanout()
    subscription = fanout.subscribe(wanted=lambda caption: caption.segment == 1)
    for caption in segments(3):
        fanout.publish(caption)
    fanout.close()
    assert {caption.segment for caption in await collect(subscription)} == {1}
