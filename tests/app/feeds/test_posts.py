"""Zoom and YouTube captions, against a server that enforces their rules."""

import asyncio
import datetime
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import pytest

from app.feeds.backoff import Backoff
from app.feeds.outlets import delivering
from app.feeds.posts import PostOutlet
from app.protocols.caption_post import YouTube, Zoom, verdict
from app.server.config import ServerConfig
from app.server.http import Answer, Exchange
from app.server.server import Routes, Server
from app.server.stats import ServerStats
from engine.fanout import Fanout
from tests.app.fakes import caption, finals

NOON = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)


@dataclass
class Service:
    """Takes captions as the real services do: in order, each number once."""

    last: int = 0
    failures: deque[int] = field(default_factory=deque)
    """Statuses to answer with instead; 1 takes the caption and then answers with an error."""
    shown: list[str] = field(default_factory=list)
    langs: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, exchange: Exchange) -> Answer:
        failure = self.failures.popleft() if self.failures else 0
        if failure > 1:
            return Answer.text(HTTPStatus(failure), "failed")
        seq = int(exchange.target.get("seq", "-1"))
        if exchange.method != "POST" or exchange.target.get("token") != "s3cret":
            self.broken.append("method or token")
        if not exchange.headers["Content-Type"].startswith("text/plain"):
            self.broken.append("content type")
        if seq == self.last + 1:
            self.shown.append(exchange.body.decode())
            self.langs.add(exchange.target.get("lang"))
            self.last = seq
        elif seq != self.last:
            self.broken.append(f"seq {seq} after {self.last}")
        self.changed.set()
        if failure:
            return Answer.text(HTTPStatus.BAD_GATEWAY, "the answer got lost")
        return Answer.text(HTTPStatus.OK, "ok")

    async def seq(self, _: Exchange) -> Answer:
        return Answer.text(HTTPStatus.OK, str(self.last))

    async def until_shown(self, n: int) -> None:
        while len(self.shown) < n:
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def serving(service: Service, at: str = "127.0.0.1:0") -> AsyncIterator[str]:
    config = ServerConfig(address=at)
    pages = {"/closedcaption": service.post, "/closedcaption/seq": service.seq}
    async with Server(Routes(pages=pages), config, ServerStats()).serve() as address:
        yield f"http://{address}/closedcaption?id=1&token=s3cret"


def outlet(service: Zoom | YouTube) -> PostOutlet:
    return PostOutlet(service, Backoff(0.01, 0.01))


async def test_zoom_gets_finals_once_and_in_order_whatever_fails() -> None:
    service = Service(failures=deque([0, 400, 403, 500, 1, 408, 0]))
    fanout = Fanout()
    async with serving(service) as url, delivering([outlet(Zoom(url))], fanout):
        for item in finals(5):
            fanout.publish(caption(item.seq, item.segment, target=("noch", "offen")))
            fanout.publish(caption(100 + item.seq, item.segment, final=True, target=("Ä", "")))
        await service.until_shown(5)
        fanout.close()
    assert service.shown == ["Ä"] * 5
    assert service.langs == {"de-DE"}
    assert not service.broken


async def test_zoom_is_resumed_behind_the_last_caption_of_the_meeting() -> None:
    service = Service(last=41)
    fanout = Fanout()
    async with serving(service) as url, delivering([outlet(Zoom(url))], fanout):
        fanout.publish(caption(0, final=True))
        await service.until_shown(1)
        fanout.close()
    assert service.last == 42
    assert not service.broken


async def test_zoom_is_resumed_even_if_it_cannot_be_reached_at_the_start() -> None:
    service = Service(last=41)
    fanout = Fanout()
    tried = asyncio.Event()

    class Tried(Backoff):
        def next_s(self) -> float:
            tried.set()
            return 0.01

    async with serving(service) as url:
        pass  # its port is free again
    async with delivering([PostOutlet(Zoom(url), Tried())], fanout):
        fanout.publish(caption(0, final=True))
        await tried.wait()
        async with serving(service, urlsplit(url).netloc):
            await service.until_shown(1)
            fanout.close()
    assert service.last == 42
    assert not service.broken


async def test_youtube_gets_the_time_when_the_words_were_spoken() -> None:
    service = Service()
    fanout = Fanout()
    async with serving(service) as url:
        async with delivering([outlet(YouTube(url, now=lambda: NOON))], fanout):
            fanout.publish(caption(0, final=True))  # begun 2 s before it was emitted
            await service.until_shown(1)
            fanout.close()
    assert service.shown == ["2026-03-01T11:59:58.000\nguten Morgen\n"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\n.+\n", service.shown[0])


async def test_an_address_that_takes_no_captions_is_left_alone_and_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Service(failures=deque([404] * 9))
    fanout = Fanout()
    async with serving(service) as url, delivering([outlet(Zoom(url))], fanout):
        for item in finals(3):
            fanout.publish(item)
        fanout.close()
    assert len(service.failures) == 8
    assert "Zoom gets no captions: refused with HTTP status 404" in caplog.text
    assert "s3cret" not in caplog.text


def test_the_query_of_the_copied_address_is_kept() -> None:
    post = Zoom("https://example.org/closedcaption?id=1&signature=a%2Bb%3D").post(caption(0), 7)
    query = parse_qs(urlsplit(post.url).query)
    assert query == {"id": ["1"], "signature": ["a+b="], "seq": ["7"], "lang": ["de-DE"]}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, "next"),
        (None, "again"),
        *((status, "again") for status in (400, 403, 405, 408, 500, 503)),
        (401, "never"),
        (404, "never"),
    ],
)
def test_statuses_mean(status: int | None, expected: str) -> None:
    assert verdict(status) == expected
