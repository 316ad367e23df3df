"""A wire between an MQTT client and its broker, which tears at a chosen packet of a final.

The connection after that one is refused, as by a broker that takes a while to come back.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import IntEnum

PUBLISH, ACKNOWLEDGEMENTS = 3, range(4, 8)


class Packet(IntEnum):
    """The packets of the handshake (QoS 2), or of as much of it as there is."""

    PUBLISH = 0
    PUBREC = 1  # of QoS 1: PUBACK
    PUBREL = 2
    PUBCOMP = 3


class Wire:
    """Passes packets on, but for the one at which it tears."""

    def __init__(
        self, broker_port: int, tears_at: Packet, torn: Callable[[], Awaitable[None]] | None
    ) -> None:
        self._broker_port = broker_port
        self._tears_at = tears_at
        self._torn = torn
        self._mid = b""
        self._n_seen = 0
        self._whole = True
        self._refuses = False

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client has connected."""
        if self._refuses:
            self._refuses = False
            writer.transport.abort()
            return
        with contextlib.suppress(OSError):  # the broker may be away
            to_broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
            ways = [
                asyncio.create_task(self._carry(reader, to_broker[1])),
                asyncio.create_task(self._carry(to_broker[0], writer)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            to_broker[1].transport.abort()
        writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head, body = await read_packet(reader)
                if self._whole and self._is_where_it_tears(head[0], body):
                    self._whole, self._refuses = False, True
                    if self._torn is not None:
                        await self._torn()
                    return
                writer.write(head + body)

    def _is_where_it_tears(self, first: int, body: bytes) -> bool:
        kind, qos = first >> 4, first >> 1 & 3
        if kind == PUBLISH and qos and not self._mid:
            n_topic = 2 + int.from_bytes(body[:2], "big")
            if not body[:n_topic].endswith(b"/final"):
                return False
            self._mid = body[n_topic : n_topic + 2]
        elif kind not in ACKNOWLEDGEMENTS or not self._mid or body[:2] != self._mid:
            return False
        self._n_seen += 1
        return self._n_seen > self._tears_at


async def read_packet(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head, with the length in it, and the rest."""
    head = await reader.readexactly(2)
    while head[-1] & 0x80:
        head += await reader.readexactly(1)
    length = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(head[1:]))
    return head, await reader.readexactly(length)


@asynccontextmanager
async def wire(
    broker_port: int, tears_at: Packet, torn: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[int]:
    """The port of a wire; `torn` is called while both its ends hang."""
    made = Wire(broker_port, tears_at, torn)
    async with await asyncio.start_server(made.connect, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
