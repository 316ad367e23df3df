"""The other end of the feed: captions of a session that runs elsewhere.

The connection is made again whenever it is lost, and asks for what was missed: the query
`after=SESSION:SEQ` names the last caption that arrived. A server that does not know it sends its
snapshot, which holds the recent finals.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from engine.captions import Caption, ProtocolError

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
MAX_MESSAGE_BYTES = 4 * 2**20  # a snapshot of long segments
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)


class FeedClientError(ValueError):
    """The feed cannot be shown, and trying again would not help."""


def pauses_s() -> Iterator[float]:
    """How long to wait before each attempt to connect again, in seconds, without end."""
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


class FeedClient:
    """Follows one feed until it is cancelled."""

    def __init__(
        self,
        url: str,
        publish: Callable[[Caption], None],
        *,
        token: str | None = None,
        connected: Callable[[], None] = lambda: None,
        lost: Callable[[str], None] = lambda _: None,
        pauses: Callable[[], Iterator[float]] = pauses_s,
    ) -> None:
        """Connect to nothing yet; see `run`.

        Args:
            url: `ws://…` or `wss://…`.
            publish: gets every caption that is newer than those before it.
            token: what the server asks for.
            connected: told whenever the feed is there.
            lost: told, with the reason, whenever it is not; an attempt to connect follows.
            pauses: before each attempt after the first, begun anew after each success.

        Raises:
            FeedClientError: not a WebSocket URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise FeedClientError(f"{url}: not the address of a feed; write ws://HOST:PORT/")
        self._parts = parts
        self._publish = publish
        self._token = token
        self._connected = connected
        self._lost = lost
        self._pauses = pauses
        self._session = ""
        self._seq = -1

    async def run(self) -> None:
        """Follow the feed, however often it is lost.

        Raises:
            FeedClientError: the server refuses this client, or does not speak captions.
        """
        pauses = self._pauses()
        while True:
            try:
                async with self._connect() as connection:
                    self._connected()
                    pauses = self._pauses()
                    await self._read(connection)
            except InvalidStatus as error:
                self._judge(error.response.status_code)
                reason = f"HTTP status {error.response.status_code}"
            except InvalidURI as error:
                raise FeedClientError(str(error)) from error
            except ConnectionClosed as error:
                reason = error.rcvd.reason if error.rcvd is not None else "connection lost"
            except (OSError, TimeoutError, InvalidHandshake) as error:
                reason = str(error) or type(error).__name__
            logger.info("the feed is gone: %s", reason)
            self._lost(reason)
            await asyncio.sleep(next(pauses))

    def _connect(self) -> connect:
        query = [self._parts.query] if self._parts.query else []
        if self._session:
            query.append(urlencode({"after": f"{self._session}:{self._seq}"}))
        url = urlunsplit(self._parts._replace(query="&".join(query)))
        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        return connect(url, additional_headers=headers, max_size=MAX_MESSAGE_BYTES, proxy=None)

    async def _read(self, connection: ClientConnection) -> None:
        while True:
            for caption in _captions(await connection.recv()):
                self._take(caption)

    def _take(self, caption: Caption) -> None:
        if caption.session != self._session:
            self._session, self._seq = caption.session, -1
        # What comes again after a resume is shown already.
        if caption.seq > self._seq:
            self._seq = caption.seq
            self._publish(caption)

    def _judge(self, status: int) -> None:
        """Give up where trying again would not help."""
        if status in _REFUSALS:
            hint = "; give its token with --token" if status != HTTPStatus.NOT_FOUND else ""
            url = urlunsplit(self._parts._replace(query=""))
            raise FeedClientError(f"{url}: refused with HTTP status {status}{hint}")


def _captions(message: str | bytes) -> list[Caption]:
    """The captions in a message of the feed; none in one of a kind that this version ignores."""
    try:
        data = json.loads(message)
        if not isinstance(data, dict):
            raise ProtocolError("message is not a JSON object")
        if data.get("type") == "snapshot":
            items = data.get("captions")
            return [Caption.from_dict(item) for item in items] if isinstance(items, list) else []
        return [] if "type" in data else [Caption.from_dict(data)]
    except ValueError as error:  # ProtocolError is one
        raise FeedClientError(f"the feed does not speak captions: {error}") from error
