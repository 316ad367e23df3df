"""HTTP beside WebSocket on one port: requests with a body, and answers.

The websockets library parses every request but refuses one with a body, since a handshake has
none. `HttpConnection` therefore reads a body itself, bounded, and shows the library the request
without it; from there on a POST takes the same way as a handshake: the same check of token and
origin, the same time limit.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

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


class HttpConnection(ServerConnection):
    """A connection whose request may have a body, of at most `max_body_bytes`."""

    max_body_bytes = 2**20

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.body = b""
        self.body_too_large = False
        self._head: bytearray | None = bytearray()

    def data_received(self, data: bytes) -> None:
        """Collect the request; everything behind it belongs to websockets."""
        if self._head is None:
            super().data_received(data)
            return
        self._head += data
        end = self._head.find(_HEAD_END)
        if end < 0:
            if len(self._head) > MAX_HEAD_BYTES:
                self._pass_on(bytes(self._head))  # websockets refuses it with the right status
            return
        head, rest = bytes(self._head[: end + 2]), bytes(self._head[end + len(_HEAD_END) :])
        length = _LENGTH.search(head)
        n_body = int(length[1]) if length else 0
        self.body_too_large = n_body > self.max_body_bytes
        if not self.body_too_large and len(rest) < n_body:
            return
        if length:
            self.body = b"" if self.body_too_large else rest[:n_body]
            head, rest = _LENGTH.sub(b"", head, count=1), b""
        self._pass_on(head + b"\r\n" + rest)

    def _pass_on(self, data: bytes) -> None:
        self._head = None
        super().data_received(data)


def is_upgrade(request: Request) -> bool:
    """Whether a request asks for a WebSocket."""
    return "websocket" in request.headers.get("Upgrade", "").lower()
