"""A server on loopback for the tests, and what a peer says to it below the level of a client."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.server.captions import Published
from app.server.config import ServerConfig
from app.server.feed import feed_routes
from app.server.history import History
from app.server.server import Server
from app.server.stats import ServerStats

LOOPBACK = ServerConfig(address="127.0.0.1:0")
IMPATIENT_S = 2.0
"""For servers that are to lose patience soon, yet not with a peer whose machine is busy."""


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@asynccontextmanager
async def serving_feed(config: ServerConfig = LOOPBACK) -> AsyncIterator[tuple[Published, str]]:
    """Where to publish captions, and HOST:PORT."""
    stats = ServerStats()
    published = Published(History(), stats)
    routes = feed_routes(published, config, stats)
    async with Server(routes, config, stats).serve() as address:
        yield published, address
        published.fanout.close()


async def say(address: str, data: bytes) -> bytes:
    """Send bytes, and read until the other side closes."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def request(
    address: str,
    path: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One HTTP request and its answer."""
    fields = {"Host": address, **({"Content-Length": str(len(body))} if body else {})}
    fields.update(headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    answer = await say(address, f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
    top, _, content = answer.partition(b"\r\n\r\n")
    status, *lines = top.decode().split("\r\n")
    found = dict(line.split(": ", 1) for line in lines)
    return Response(int(status.split()[1]), found, content)
