"""The WebSocket feed: a snapshot on connect, then one caption a message.

A viewer that is slow is spared outdated revisions and never loses a final; one that is too far
behind is closed with code 1013. Viewers have nothing to say: what they send is read, so that
pings and closing work, and thrown away.
"""

import asyncio
import contextlib
import hmac
import ipaddress
import json
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from engine.captions import FORMAT_VERSION
from engine.fanout import Fanout, OverrunError

logger = logging.getLogger(__name__)
_protocol_logger = logging.getLogger(f"{__name__}.protocol")
_protocol_logger.setLevel(logging.CRITICAL)  # a port scanner's handshake is nobody's news

TOO_FAR_BEHIND = 1013
GOING_AWAY = 1001
INTERNAL_ERROR = 1011
MAX_MESSAGE_BYTES = 4096  # of what a viewer sends, which nobody reads
CLOSE_TIMEOUT_S = 2.0
DRAIN_S = 2.0


class FeedError(OSError):
    """The feed cannot be served where it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedConfig:
    """Where captions are served, and to whom.

    Attributes:
        address: HOST:PORT, or a port alone for loopback; port 0 takes a free one. None: no feed.
        token: what a viewer has to show; required on any address but loopback.
        max_viewers: the next one gets HTTP status 503.
        max_pending: captions that a viewer may be behind, after outdated revisions are left out.
        send_timeout_s: a viewer that takes no message for so long is too far behind, too.
    """

    address: str | None = None
    token: str | None = None
    max_viewers: int = 100
    max_pending: int = 64
    send_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        """Raise ValueError, naming key, value and valid range, for the first bad setting."""
        for name in ("max_viewers", "max_pending"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, must be at least 1")
        if not 0 < self.send_timeout_s <= 3600:
            raise ValueError(f"send_timeout_s is {self.send_timeout_s}, must be within 0 … 3600")
        if self.token == "":
            raise ValueError("token is empty; give a long random one, or none")
        if self.address is not None:
            host, _ = parse_address(self.address)
            if self.token is None and not is_loopback(host):
                raise ValueError(
                    f"feed {self.address} can be reached from other machines: "
                    "set a token (--feed-token), or use localhost"
                )


def parse_address(address: str) -> tuple[str, int]:
    """Split HOST:PORT, [IPv6]:PORT, :PORT or PORT; the host defaults to loopback.

    Raises:
        ValueError: there is no port in it from 0 to 65535.
    """
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"feed address is {address!r}, must be HOST:PORT, such as localhost:8765")
    return host.removeprefix("[").removesuffix("]") or "localhost", int(port)


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine by its very form; nothing is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class WebSocketFeed:
    """Serves what a fan-out passes on to every viewer that connects."""

    def __init__(self, session: str, fanout: Fanout, config: FeedConfig) -> None:
        """Serve nobody yet; see `serve`."""
        self._session = session
        self._fanout = fanout
        self._config = config
        self._viewers: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve while the context lasts; its value is the URL to give to a viewer.

        On leaving, viewers of a fan-out that is closed are sent what is pending, for at most
        `DRAIN_S`, and closed.

        Raises:
            FeedError: the address is taken, or is not this machine's.
        """
        assert self._config.address is not None
        host, port = parse_address(self._config.address)
        try:
            server = await serve(
                self._handle,
                # One family, so that port 0 is one port and a machine without IPv6 can serve.
                "127.0.0.1" if host == "localhost" else host,
                port,
                process_request=self._admit,
                compression=None,
                max_size=MAX_MESSAGE_BYTES,
                close_timeout=CLOSE_TIMEOUT_S,
                logger=_protocol_logger,
            )
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise FeedError(f"cannot serve the feed on {host}:{port}: {reason}") from error
        port = next(iter(server.sockets)).getsockname()[1]
        try:
            yield f"ws://{f'[{host}]' if ':' in host else host}:{port}/"
        finally:
            if self._viewers:
                await asyncio.wait(self._viewers, timeout=DRAIN_S)
            server.close()
            await server.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse a viewer before the handshake, or None to let it in."""
        if self._config.token is not None:
            if not hmac.compare_digest(_token(request).encode(), self._config.token.encode()):
                return connection.respond(HTTPStatus.UNAUTHORIZED, "a valid token is required\n")
        elif not all(map(_is_local_page, request.headers.get_all("Origin"))):
            # Any page in the user's browser can connect to loopback; it must not listen in.
            return connection.respond(HTTPStatus.FORBIDDEN, "this origin needs a token\n")
        if len(self._viewers) >= self._config.max_viewers:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many viewers\n")
        return None

    async def _handle(self, connection: ServerConnection) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._viewers.add(task)
        try:
            await self._send(connection)
            await connection.close(GOING_AWAY, "the session has ended")
        except ConnectionClosed:
            pass
        except (OverrunError, TimeoutError):
            logger.info("viewer %s is too far behind", connection.remote_address)
            await connection.close(TOO_FAR_BEHIND, "too far behind")
        except Exception:
            logger.exception("viewer %s: connection failed", connection.remote_address)
            await connection.close(INTERNAL_ERROR)
        finally:
            self._viewers.discard(task)

    async def _send(self, connection: ServerConnection) -> None:
        """Send until the session ends, or the viewer has gone or is too far behind."""
        snapshot = self._snapshot()
        subscription = self._fanout.subscribe(limit=self._config.max_pending)
        reader = asyncio.create_task(_discard_until_closed(connection))
        reader.add_done_callback(lambda _: subscription.close())
        try:
            await self._send_one(connection, snapshot)
            async for caption in subscription:
                await self._send_one(connection, caption.to_json())
        finally:
            subscription.close()
            reader.cancel()

    async def _send_one(self, connection: ServerConnection, message: str) -> None:
        async with asyncio.timeout(self._config.send_timeout_s):
            await connection.send(message)

    def _snapshot(self) -> str:
        return json.dumps(
            {
                "type": "snapshot",
                "v": FORMAT_VERSION,
                "session": self._session,
                "captions": [caption.to_dict() for caption in self._fanout.snapshot()],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )


async def _discard_until_closed(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for _ in connection:
            pass


def _is_local_page(origin: str) -> bool:
    host = urlsplit(origin).hostname
    return host is not None and is_loopback(host)


def _token(request: Request) -> str:
    """What the viewer shows as its token, in the query or the Authorization header."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return parse_qs(urlsplit(request.path).query).get("token", [""])[0]
