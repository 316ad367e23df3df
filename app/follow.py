"""A client of the caption feed: every final once and in order, whatever the network does."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from app.backoff import Backoff
from engine.captions import FORMAT_VERSION, Caption, ProtocolError

logger = logging.getLogger(__name__)

MAX_RESUMED_SESSIONS = 20
MAX_MESSAGE_BYTES = 2**24  # a snapshot of long segments
GOING_AWAY = 1001


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
        once: end when the server ends, instead of waiting for it to come back.
    """

    url: str
    token: str | None = None
    session: str | None = None
    langs: tuple[str, ...] = ()
    reading: bool = False
    once: bool = False


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
        except ValueError as error:
            raise ProtocolError(f"message is not JSON: {error}") from error
        if not isinstance(data, dict) or data.get("type") != "snapshot":
            found, lost = [Caption.from_dict(data)], []
        else:
            if data.get("v") != FORMAT_VERSION or not isinstance(data.get("captions"), list):
                raise ProtocolError("snapshot of another format version")
            found = [Caption.from_dict(item) for item in data["captions"]]
            lost = [str(session) for session in data.get("lost", ())]
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


async def follow(config: FollowConfig, backoff: Backoff | None = None) -> AsyncIterator[Caption]:
    """Give the captions of a feed, and reconnect when the connection is lost.

    Raises:
        FollowError: the address is wrong, nobody listens there at the start, or the server
            refuses (a wrong token, a path that it does not serve).
        ProtocolError: what answers is not a caption feed.
    """
    backoff = backoff or Backoff()
    position = Position()
    connected = False
    while True:
        try:
            url = _url(config, position)
            async with connect(url, max_size=MAX_MESSAGE_BYTES) as connection:
                connected = True
                async for message in connection:
                    backoff.reset()
                    captions, lost = position.accept(message)
                    for session in lost:
                        logger.warning("session %s: some finals are no longer kept", session)
                    for caption in captions:
                        yield caption
        except ConnectionClosed:
            pass
        except InvalidURI as error:
            raise FollowError(f"{config.url}: not an address such as ws://HOST:PORT") from error
        except InvalidStatus as error:
            status = error.response.status_code
            if status < 500 or not connected:
                text = error.response.body.decode("utf-8", "replace").strip()
                raise FollowError(f"{config.url}: refused with {status} {text}") from error
        except (OSError, InvalidHandshake, TimeoutError) as error:
            if not connected:
                reason = getattr(error, "strerror", None) or error
                raise FollowError(f"{config.url}: {reason}") from error
        if config.once:
            return
        await asyncio.sleep(backoff.next_s())


def _url(config: FollowConfig, position: Position) -> str:
    parts = urlsplit(config.url)
    query = [
        *parse_qsl(parts.query),
        *([("token", config.token)] if config.token else []),
        *([("session", config.session)] if config.session else []),
        *([("lang", ",".join(config.langs))] if config.langs else []),
        *([("mode", "reading")] if config.reading else []),
        *position.query(),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))
