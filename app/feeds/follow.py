"""A client of the caption feed: every final once and in order, whatever the network does."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.http11 import Response

from app import errors
from app.feeds.backoff import Backoff
from engine.captions import FORMAT_VERSION, Caption, ProtocolError

logger = logging.getLogger(__name__)

MAX_RESUMED_SESSIONS = 20
MAX_MESSAGE_BYTES = 2**24  # a snapshot of long segments


class FollowError(OSError):
    """The feed cannot be followed; waiting would not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowConfig:
    """What to follow.

    Attributes:
        url: of the feed, such as `ws://localhost:8765/captions`.
        token: what the server asks for.
        session: captions of this session only.
        langs: captions from or into one of these languages only.
        reading: committed text only.
        detail: with the times of every committed word.
        once: end when the server ends, instead of waiting for it to come back.
        patient: wait for a server that is not there yet, instead of failing at the start.
    """

    url: str
    token: str | None = None
    session: str | None = None
    langs: tuple[str, ...] = ()
    reading: bool = False
    detail: bool = False
    once: bool = False
    patient: bool = False

    def __post_init__(self) -> None:
        """Check the address.

        Raises:
            FollowError: it is not that of a WebSocket.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise FollowError(f"{self.url}: not an address such as ws://HOST:PORT")


@dataclass(slots=True)
class Position:
    """Where a viewer is, session by session. No I/O."""

    _last_seq: dict[str, int] = field(default_factory=dict)

    def accept(self, message: str | bytes) -> tuple[list[Caption], list[str]]:
        """The captions of a message that are new, and the sessions of which some are lost.

        Raises:
            ProtocolError: it is not a message of a caption feed.
        """
        try:
            data: Any = json.loads(message)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"message is not JSON: {error}") from error
        kind = data.get("type") if isinstance(data, dict) else None
        lost: list[str] = []
        if kind is None:
            found = [Caption.from_dict(data)]
        elif kind != "snapshot":  # of a later version
            found = []
        else:
            captions, gone = data.get("captions"), data.get("lost", [])
            if data.get("v") != FORMAT_VERSION or not isinstance(captions, list):
                raise ProtocolError("snapshot of another format version")
            found = [Caption.from_dict(item) for item in captions]
            lost = [str(session) for session in gone] if isinstance(gone, list) else []
        return [caption for caption in found if self._is_new(caption)], lost

    def query(self) -> list[tuple[str, str]]:
        """What resumes here, as part of a URL's query."""
        return [("after", f"{session}:{seq}") for session, seq in self._last_seq.items()]

    def _is_new(self, caption: Caption) -> bool:
        if caption.seq <= self._last_seq.get(caption.session, -1):
            return False
        self._last_seq.pop(caption.session, None)  # to the end: the oldest is forgotten first
        self._last_seq[caption.session] = caption.seq
        if len(self._last_seq) > MAX_RESUMED_SESSIONS:
            del self._last_seq[next(iter(self._last_seq))]
        return True


async def follow(
    config: FollowConfig,
    backoff: Backoff | None = None,
    *,
    connected: Callable[[], None] = lambda: None,
    lost: Callable[[str], None] = lambda reason: None,
) -> AsyncGenerator[Caption, None]:
    """Give the captions of a feed, and reconnect when the connection is lost.

    Args:
        config: what to follow.
        backoff: pauses between attempts to connect.
        connected: told whenever the feed is there.
        lost: told, with the reason, whenever it is not; an attempt to connect follows.

    Raises:
        FollowError: nobody listens there at the start (unless `patient`), or the server refuses
            (a wrong token, a path that it does not serve).
        ProtocolError: what answers is not a caption feed.
    """
    backoff = backoff or Backoff()
    position = Position()
    waits = config.patient
    while True:
        try:
            async with _connect(config, position) as connection:
                waits = True
                connected()
                async for message in connection:
                    backoff.reset()
                    captions, gone = position.accept(message)
                    for session in gone:
                        logger.warning("session %s: some finals are no longer kept", session)
                    for caption in captions:
                        yield caption
                reason = connection.close_reason or "connection lost"
        except ConnectionClosed as error:
            reason = (error.rcvd.reason if error.rcvd else "") or "connection lost"
        except InvalidStatus as error:
            status = error.response.status_code
            reason = f"refused with {status} {_text(error.response)}"
            if status < 500 or not waits:
                raise FollowError(f"{config.url}: {reason}") from error
        except (OSError, InvalidHandshake, TimeoutError) as error:
            reason = errors.reason(error)
            if not waits:
                raise FollowError(f"{config.url}: {reason}") from error
        if config.once:
            return
        lost(reason)
        await asyncio.sleep(backoff.next_s())


def _connect(config: FollowConfig, position: Position) -> connect:
    headers = {"Authorization": f"Bearer {config.token}"} if config.token else {}
    return connect(
        _url(config, position),
        additional_headers=headers,
        max_size=MAX_MESSAGE_BYTES,
        proxy=None,
    )


def _text(response: Response) -> str:
    return response.body.decode("utf-8", "replace").strip()


def _url(config: FollowConfig, position: Position) -> str:
    parts = urlsplit(config.url)
    query = [
        *parse_qsl(parts.query),
        *([("session", config.session)] if config.session else []),
        *([("lang", ",".join(config.langs))] if config.langs else []),
        *([("mode", "reading")] if config.reading else []),
        *([("detail", "words")] if config.detail else []),
        *position.query(),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))
