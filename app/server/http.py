"""HTTP beside WebSocket on one port: requests with a body, and answers.

The websockets library parses every request but refuses one with a body, since a handshake has
none. `RequestReader` therefore takes a body out, bounded, and the library is shown the request
without it; from there on a POST takes the same way as a handshake: the same check of token and
origin, the same time limit.
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

logger = logging.getLogger(__name__)

MAX_HEAD_BYTES = 32 * 1024

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*(?=\r\n)", re.I)
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Target:
    """What a request asks for: path and query, decoded."""

    path: str
    query: Mapping[str, Sequence[str]]

    @classmethod
    def parse(cls, target: str) -> "Target":
        """Split a request target; what cannot be parsed counts as a path that does not exist."""
        try:
            parts = urlsplit(target)
            query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=100)
        except ValueError:
            return cls("", {})
        return cls(parts.path, query)

    def get(self, key: str, default: str = "") -> str:
        """The first value of a key of the query."""
        return self.query.get(key, [default])[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A whole HTTP request."""

    method: str
    target: Target
    headers: Headers
    body: bytes
    peer: str
    """Address of the other side, without its port."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def text(cls, status: HTTPStatus, text: str) -> "Answer":
        """One line for people."""
        return cls(status, f"{text}\n".encode())

    @classmethod
    def json(cls, data: Any, status: HTTPStatus = HTTPStatus.OK) -> "Answer":
        """A JSON document."""
        body = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
        return cls(status, body, "application/json")

    def response(self) -> Response:
        """The response as websockets sends it."""
        headers = Headers(
            {
                "Content-Type": self.content_type,
                "Content-Length": str(len(self.body)),
                "Connection": "close",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            }
        )
        for name, value in self.headers.items():
            headers[name] = value
        return Response(self.status.value, self.status.phrase, headers, self.body)


class RequestReader:
    """Takes the body of a request out of the bytes of a connection. No I/O.

    Nothing behind a body is read: the connection closes after the answer.
    """

    def __init__(self, max_body_bytes: int) -> None:
        """Wait for the request."""
        self.body = b""
        self.body_too_large = False
        self._max_body_bytes = max_body_bytes
        self._data = bytearray()
        self._head = b""
        self._n_body = 0
        self._done = False

    def feed(self, data: bytes) -> bytes:
        """What the next bytes mean to websockets: the head once the body is there, then all."""
        if self._done:
            return b"" if self._n_body else data
        searched = max(len(self._data) - len(_HEAD_END) + 1, 0)
        self._data += data
        if not self._head and not self._read_head(searched):
            self._done = len(self._data) > MAX_HEAD_BYTES
            return bytes(self._data) if self._done else b""  # websockets has the right refusal
        if len(self._data) < self._n_body and not self.body_too_large:
            return b""
        self._done = True
        if not self._n_body:
            return self._head + bytes(self._data)
        self.body = b"" if self.body_too_large else bytes(self._data[: self._n_body])
        return self._head

    def _read_head(self, searched: int) -> bool:
        """Whether the head is whole; then what is left is the body."""
        end = self._data.find(_HEAD_END, searched)
        if end < 0:
            return False
        head = bytes(self._data[: end + 2])
        del self._data[: end + len(_HEAD_END)]
        length = _LENGTH.search(head)
        self._n_body = int(length[1]) if length else 0
        self.body_too_large = self._n_body > self._max_body_bytes
        self._head = (_LENGTH.sub(b"", head, count=1) if length else head) + b"\r\n"
        return True


class HttpConnection(ServerConnection):
    """A connection whose request may have a body, of at most `max_body_bytes`."""

    max_body_bytes = 2**20

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reader = RequestReader(self.max_body_bytes)

    @property
    def body(self) -> bytes:
        """The body of the request."""
        return self._reader.body

    @property
    def body_too_large(self) -> bool:
        """Whether the request has a body that was not read."""
        return self._reader.body_too_large

    def data_received(self, data: bytes) -> None:
        """Collect the request; everything behind it belongs to websockets."""
        passed_on = self._reader.feed(data)
        if passed_on:
            super().data_received(passed_on)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell of one that was too slow, or spoke something else."""
        if self.request is None:
            logger.info("%s left without a request that can be read", peer_of(self))
        super().connection_lost(exc)


def peer_of(connection: ServerConnection) -> str:
    """Address of the other side, without its port."""
    address = connection.remote_address
    return str(address[0]) if address else "unknown"


def is_upgrade(request: Request) -> bool:
    """Whether a request asks for a WebSocket."""
    return "websocket" in request.headers.get("Upgrade", "").lower()
