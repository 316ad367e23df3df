"""The client of the feed against the real server, on loopback sockets."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import repeat
from urllib.parse import parse_qs, urlsplit

import pytest
from app.feeds.websocket import FeedConfig, WebSocketFeed
from websockets.asyncio.server import ServerConnection, serve

from app.feeds.client import FeedClient, FeedClientError, pauses_s
from engine.captions import Caption
from engine.fanout import Fanout
from tests.app.fakes import caption, finals


@dataclass
class Viewer:
    """A client, and what it told."""

    captions: asyncio.Queue[Caption] = field(default_factory=asyncio.Queue)
    states: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def client(self, url: str, **options: object) -> FeedClient:
        return FeedClient(
            url,
            self.captions.put_nowait,
            connected=lambda: self.states.put_nowait("connected"),
            lost=self.states.put_nowait,
            pauses=no_pauses,
            **options,
        )


def no_pauses() -> Iterator[float]:
    return repeat(0.0)


@asynccontextmanager
async def following(url: str, **options: object) -> AsyncIterator[Viewer]:
    viewer = Viewer()
    task = asyncio.create_task(viewer.client(url, **options).run())
    try:
        yield viewer
    finally:
        task.cancel()
        await asyncio.wait((task,))


@asynccontextmanager
async def serving(port: int = 0, token: str | None = None) -> AsyncIterator[tuple[Fanout, str]]:
    captions = Fanout()
    config = FeedConfig(address=f"127.0.0.1:{port}", token=token)
    async with WebSocketFeed("test", captions, config).serve() as url:
        yield captions, url
        captions.close()


async def test_snapshot_and_captions_arrive_in_order() -> None:
    async with serving() as (captions, url):
        for one in finals(2):
            captions.publish(one)
        async with following(url) as viewer:
            assert await viewer.states.get() == "connected"
            first = [await viewer.captions.get() for _ in range(2)]
            captions.publish(caption(2, 2))
            assert [one.seq for one in (*first, await viewer.captions.get())] == [0, 1, 2]


async def test_a_feed_that_drops_is_found_again_and_nothing_comes_twice() -> None:
    async with serving() as (captions, url):
        port = urlsplit(url).port or 0
        captions.publish(caption(0, final=True))
        viewing = following(url)
        viewer = await viewing.__aenter__()
        assert (await viewer.captions.get()).seq == 0
    try:
        assert await viewer.states.get() == "connected"
        assert await viewer.states.get() == "the session has ended"
        async with serving(port) as (captions, _):
            for one in finals(3):
                captions.publish(one)
            while await viewer.states.get() != "connected":
                pass
            assert [(await viewer.captions.get()).seq for _ in range(2)] == [1, 2]
            assert viewer.captions.empty()
    finally:
        await viewing.__aexit__(None, None, None)


async def test_it_asks_for_what_it_missed() -> None:
    asked: asyncio.Queue[dict[str, list[str]]] = asyncio.Queue()

    async def answer(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.put_nowait(parse_qs(urlsplit(connection.request.path).query))
        await connection.send(caption(5).to_json())

    async with serve(answer, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with following(f"ws://127.0.0.1:{port}/captions?lang=de"):
            assert await asked.get() == {"lang": ["de"]}
            assert await asked.get() == {"lang": ["de"], "after": [f"{caption(5).session}:5"]}


async def test_a_new_session_starts_from_its_first_caption() -> None:
    sent = [caption(7, final=True), caption(0, session="next")]

    async def answer(connection: ServerConnection) -> None:
        for one in sent:
            await connection.send(one.to_json())
        await connection.wait_closed()

    async with serve(answer, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with following(f"ws://127.0.0.1:{port}/") as viewer:
            assert [await viewer.captions.get() for _ in sent] == sent


async def test_the_token_lets_in_and_without_it_the_error_says_so() -> None:
    async with serving(token="secret") as (captions, url):
        captions.publish(caption(0))
        async with following(url, token="secret") as viewer:
            assert (await viewer.captions.get()).seq == 0
        with pytest.raises(FeedClientError, match=r"refused with HTTP status 401; .* --token"):
            await Viewer().client(url).run()


@pytest.mark.parametrize(
    "message", ["hello", "[]", '{"v":1}', '{"type":"snapshot","captions":[3]}']
)
async def test_a_server_that_speaks_no_captions_is_an_error(message: str) -> None:
    async def answer(connection: ServerConnection) -> None:
        await connection.send(message)
        await connection.wait_closed()

    async with serve(answer, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(FeedClientError, match="does not speak captions"):
            await Viewer().client(f"ws://127.0.0.1:{port}/").run()


async def test_messages_of_other_kinds_are_ignored() -> None:
    async def answer(connection: ServerConnection) -> None:
        await connection.send('{"type":"status","anything":1}')
        await connection.send(caption(0).to_json())
        await connection.wait_closed()

    async with serve(answer, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with following(f"ws://127.0.0.1:{port}/") as viewer:
            assert (await viewer.captions.get()).seq == 0


@pytest.mark.parametrize("url", ["http://localhost/", "localhost:8765", "ws://", ""])
def test_what_is_no_address_of_a_feed_is_refused_at_once(url: str) -> None:
    with pytest.raises(FeedClientError, match="write ws://HOST:PORT/"):
        FeedClient(url, lambda _: None)


def test_pauses_grow_up_to_a_bound() -> None:
    pauses = pauses_s()
    assert [next(pauses) for _ in range(7)] == [0.5, 1, 2, 4, 8, 8, 8]
