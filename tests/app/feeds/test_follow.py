"""The Python client of the feed, against the real server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve

from app.feeds.backoff import Backoff
from app.feeds.follow import FollowConfig, FollowError, Position, follow
from app.server.config import ServerConfig
from engine.captions import Caption, ProtocolError
from tests.app.fakes import caption, finals
from tests.app.server.serving import LOOPBACK, serving_feed


async def take(captions: AsyncIterator[Caption], n: int) -> list[int]:
    return [(await anext(captions)).seq for _ in range(n)]


def soon() -> Backoff:
    return Backoff(first_s=0.01, longest_s=0.01)


async def test_captions_are_followed_over_a_restart_of_the_server() -> None:
    async with serving_feed() as (published, address):
        following = follow(FollowConfig(url=f"ws://{address}/captions"), soon())
        for item in finals(3):
            published.publish(item)
        assert await take(following, 3) == [0, 1, 2]
    async with serving_feed(replace(LOOPBACK, address=address)) as (published, _):
        published.begin("test")
        for item in finals(6):
            published.publish(item)
        assert await take(following, 3) == [3, 4, 5]
        await following.aclose()


async def test_a_viewer_that_was_too_slow_catches_up() -> None:
    config = ServerConfig(address="127.0.0.1:0", max_pending=2)
    async with serving_feed(config) as (published, address):
        published.begin("test")
        following = follow(FollowConfig(url=f"ws://{address}/captions"), soon())
        published.publish(caption(0, final=True))
        assert await take(following, 1) == [0]
        for item in finals(30, first=1):  # without a turn of the loop: it falls behind
            published.publish(item)
        assert await take(following, 30) == list(range(1, 31))
        await following.aclose()


async def test_with_once_the_end_of_the_server_is_the_end() -> None:
    async with serving_feed() as (published, address):
        config = FollowConfig(url=f"ws://{address}/captions", once=True)
        published.publish(caption(0, final=True))
        following = follow(config)
        assert (await anext(following)).seq == 0
        rest = asyncio.create_task(take(following, 1))
    with pytest.raises(StopAsyncIteration):
        await rest


@pytest.mark.parametrize("url", ["http://localhost/", "localhost:8765", "ws://", ""])
def test_what_is_no_address_of_a_feed_is_refused_at_once(url: str) -> None:
    with pytest.raises(FollowError, match="not an address such as ws://HOST:PORT"):
        FollowConfig(url=url)


async def test_a_server_that_is_not_there_is_one_clear_error() -> None:
    with pytest.raises(FollowError, match=r"refused|failed"):
        await anext(follow(FollowConfig(url="ws://127.0.0.1:1/captions")))


async def test_a_patient_viewer_is_told_until_the_server_is_there() -> None:
    async with serving_feed() as (_, address):
        pass  # its port is free again
    url = f"ws://{address}/captions"
    states: asyncio.Queue[str] = asyncio.Queue()
    following = follow(
        FollowConfig(url=url, patient=True),
        soon(),
        connected=lambda: states.put_nowait("connected"),
        lost=states.put_nowait,
    )
    first = asyncio.ensure_future(anext(following))
    assert "refused" in await states.get() or "failed" in await states.get()
    async with serving_feed(replace(LOOPBACK, address=address)) as (published, _):
        published.publish(caption(0, final=True))
        assert (await first).seq == 0
        rest = asyncio.ensure_future(anext(following))
        while await states.get() != "connected":
            pass
    assert await states.get() == "the session has ended"
    rest.cancel()


async def test_messages_of_a_later_version_are_ignored() -> None:
    async def answer(connection: ServerConnection) -> None:
        await connection.send('{"type":"status","anything":1}')
        await connection.send(caption(0).to_json())
        await connection.wait_closed()

    async with serve(answer, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        following = follow(FollowConfig(url=f"ws://127.0.0.1:{port}/"))
        assert await take(following, 1) == [0]
        await following.aclose()


async def test_a_wrong_token_is_an_error_and_a_right_one_is_not() -> None:
    config = ServerConfig(address="127.0.0.1:0", token="s3cret")
    async with serving_feed(config) as (published, address):
        url = f"ws://{address}/captions"
        with pytest.raises(FollowError, match="401 a valid token"):
            await anext(follow(FollowConfig(url=url, token="wrong")))
        published.publish(caption(0))
        assert (await anext(follow(FollowConfig(url=url, token="s3cret")))).seq == 0


async def test_what_is_no_feed_is_one_clear_error() -> None:
    async with serve(lambda connection: connection.send("hello"), "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(ProtocolError, match="not JSON"):
            await anext(follow(FollowConfig(url=f"ws://127.0.0.1:{port}/")))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 20)), max_size=60))
def test_nothing_is_given_twice_and_nothing_backwards(sent: list[tuple[str, int]]) -> None:
    position = Position()
    seen: dict[str, int] = {}
    for session, seq in sent:
        found, _ = position.accept(caption(seq, session=session).to_json())
        assert bool(found) == (seq > seen.get(session, -1))
        seen[session] = max(seq, seen.get(session, -1))
    assert {value for _, value in position.query()} == {f"{s}:{seq}" for s, seq in seen.items()}


def test_pauses_double_up_to_the_longest_and_start_anew() -> None:
    backoff = Backoff(first_s=1.0, longest_s=5.0, chance=lambda: 0.5)
    assert [backoff.next_s() for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.next_s() == 1
