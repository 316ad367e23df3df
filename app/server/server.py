"""One port: WebSocket doors and HTTP pages by path, behind one check of who may come in."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Protocol

from websockets.asyncio.server import Server as ListeningServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from app.errors import reason
from app.server.access import Access
from app.server.config import ServerConfig, ServerError, parse_address
from app.server.http import Answer, Exchange, HttpConnection, Target, is_upgrade, peer_of
from app.server.stats import ServerStats

logger = logging.getLogger(__name__)
_protocol_logger = logging.getLogger(f"{__name__}.protocol")
_protocol_logger.setLevel(logging.CRITICAL)  # a port scanner's handshake is nobody's news

CLOSE_TIMEOUT_S = 2.0
DRAIN_S = 2.0
_ALL_IS_WELL = (1000, 1001)  # close codes


class CloseError(Exception):
    """The connection is to be closed, and its peer told why.

    Attributes:
        code: a WebSocket close code.
        reason: in words for the peer; no secret, no stack trace.
    """

    def __init__(self, code: int, reason: str) -> None:
        """Name code and reason."""
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class Door(Protocol):
    """One path that speaks WebSocket."""

    def refusal(self, target: Target) -> Answer | None:
        """The answer to a peer that cannot be served now, or at all; None: it can."""
        ...

    async def serve(self, connection: ServerConnection, target: Target) -> None:
        """Serve one peer.

        Raises:
            CloseError: the connection is to be closed so.
        """
        ...


Page = Callable[[Exchange], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """What is served where; a path may have a door, a page, or both."""

    doors: Mapping[str, Door] = field(default_factory=dict)
    pages: Mapping[str, Page] = field(default_factory=dict)
    open_pages: Mapping[str, Page] = field(default_factory=dict)
    """Answered unchecked: files without a secret, which a browser loads before it can show a
    token, and pages that check it themselves."""


class Server:
    """Serves routes to whoever may come in."""

    def __init__(self, routes: Routes, config: ServerConfig, stats: ServerStats) -> None:
        """Serve nobody yet; see `serve`."""
        self._routes = routes
        self._config = config
        self._access = Access(config.token, config.origins)
        self._stats = stats
        self._peers: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve while the context lasts; its value is `HOST:PORT` to be put behind a scheme.

        On leaving, doors have `DRAIN_S` to end what they do by themselves.

        Raises:
            ServerError: the address is taken or not this machine's, or the certificate unusable.
        """
        assert self._config.address is not None
        host, port = parse_address(self._config.address)
        server = await self._listen(host, port)
        port = next(iter(server.sockets)).getsockname()[1]
        try:
            yield f"{f'[{host}]' if ':' in host else host}:{port}"
        finally:
            if self._peers:
                await asyncio.wait(self._peers, timeout=DRAIN_S)
            server.close()
            await server.wait_closed()

    async def _listen(self, host: str, port: int) -> ListeningServer:
        config = self._config
        limits = {"max_body_bytes": config.max_message_bytes}
        tls = config.tls()
        try:
            return await serve(
                self._handle,
                # One family, so that port 0 is one port and a machine without IPv6 can serve.
                "127.0.0.1" if host == "localhost" else host,
                port,
                process_request=self._admit,
                compression=None,
                ssl=tls,
                max_size=config.max_message_bytes,
                ping_interval=config.ping_s,
                ping_timeout=config.ping_s,
                open_timeout=config.open_timeout_s,
                close_timeout=CLOSE_TIMEOUT_S,
                logger=_protocol_logger,
                create_connection=type("Connection", (HttpConnection,), limits),
            )
        except OSError as error:
            raise ServerError(f"cannot serve on {host}:{port}: {reason(error)}") from error

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer an HTTP request, refuse a handshake, or None to let it in."""
        assert isinstance(connection, HttpConnection)
        target = Target.parse(request.path)
        try:
            answer = await self._answer(connection, request, target)
        except Exception:
            logger.exception("%s %s failed", request.method, target.path)
            answer = Answer.text(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")
        if answer is None:
            return None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            self._stats.refused[str(answer.status.value)] += 1
            logger.info(
                "%s %s from %s: %d %s",
                request.method,
                target.path,
                peer_of(connection),
                answer.status,
                answer.body.decode("utf-8", "replace").strip(),
            )
        shared = {**answer.headers, **self._access.sharing(request.headers)}
        return replace(answer, headers=shared).response()

    async def _answer(
        self, connection: HttpConnection, request: Request, target: Target
    ) -> Answer | None:
        wants_door = is_upgrade(request)
        routes = self._routes
        if request.method == "OPTIONS":  # a browser asks before it sends a page's JSON
            return Answer(HTTPStatus.NO_CONTENT, b"")
        if not wants_door and target.path in routes.open_pages:
            page = routes.open_pages[target.path]
        else:
            refusal = self._access.refusal(target, request.headers)
            if refusal is not None:
                return refusal
            if wants_door:
                door = routes.doors.get(target.path)
                return _not_found() if door is None else door.refusal(target)
            if target.path not in routes.pages:
                return _upgrade_required() if target.path in routes.doors else _not_found()
            page = routes.pages[target.path]
        if connection.body_too_large:
            return Answer.text(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
        return await page(
            Exchange(
                method=request.method,
                target=target,
                headers=request.headers,
                body=connection.body,
                peer=peer_of(connection),
            )
        )

    async def _handle(self, connection: ServerConnection) -> None:
        task = asyncio.current_task()
        assert task is not None
        assert connection.request is not None
        target = Target.parse(connection.request.path)
        self._peers.add(task)
        try:
            await self._routes.doors[target.path].serve(connection, target)
        except ConnectionClosed:
            pass
        except CloseError as close:
            await connection.close(close.code, close.reason)
        except Exception:
            logger.exception("%s from %s failed", target.path, peer_of(connection))
            await connection.close(1011, "internal error")
        finally:
            self._peers.discard(task)
        self._note_close(connection, target)

    def _note_close(self, connection: ServerConnection, target: Target) -> None:
        """A line in the log if it was we who closed, for a reason; websockets may have done so."""
        if connection.state is not State.CLOSED:
            return
        close = connection.protocol.close_exc
        if close.sent is None or close.rcvd_then_sent or close.sent.code in _ALL_IS_WELL:
            return
        code, reason = close.sent.code, close.sent.reason
        self._stats.closed[str(code)] += 1
        logger.info("%s from %s: closed with %d %s", target.path, peer_of(connection), code, reason)


def _not_found() -> Answer:
    return Answer.text(HTTPStatus.NOT_FOUND, "nothing is served at this path")


def _upgrade_required() -> Answer:
    answer = Answer.text(HTTPStatus.UPGRADE_REQUIRED, "this path speaks WebSocket only")
    return Answer(answer.status, answer.body, headers={"Upgrade": "websocket"})
