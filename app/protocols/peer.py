"""What a protocol tells the connection that it runs on, and what is asked of every protocol.

A protocol is a state machine without I/O: messages of the peer go in, commands come out; captions
go in, messages to the peer come out. `app.server.sound` carries the commands out.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.audio import Samples
from engine.captions import Caption

Message = str | bytes
ONE_STREAM = ""
"""Name of the stream where a connection carries only one."""


class PeerError(ValueError):
    """The peer broke the protocol; its connection is closed, and nobody else's.

    Attributes:
        code: a WebSocket close code: 1003 for text where sound is due, 1007 for data that cannot
            be read, 1008 for what the protocol does not allow.
        reason: in words for the peer.
    """

    def __init__(self, code: int, reason: str) -> None:
        """Name code and reason."""
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Begin:
    """A stream of sound starts; languages that are None are those of the server."""

    stream: str = ONE_STREAM
    source_lang: str | None = None
    target_lang: str | None = None
    optional: bool = False
    """Whether the connection goes on if the stream is refused."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """The next samples of a stream, (n,) at 16 kHz."""

    samples: Samples
    stream: str = ONE_STREAM


@dataclass(frozen=True, slots=True)
class Reply:
    """Send this now."""

    message: Message


@dataclass(frozen=True, slots=True)
class Settle:
    """Once all sound of the stream so far was read, send what `SoundProtocol.settled` gives."""

    stream: str = ONE_STREAM


@dataclass(frozen=True, slots=True)
class Finish:
    """No more sound of this stream: finish it, and send what `SoundProtocol.finished` gives."""

    stream: str = ONE_STREAM


@dataclass(frozen=True, slots=True)
class Leave:
    """The peer is done: finish every stream, then close."""


Command = Begin | Sound | Reply | Settle | Finish | Leave


class SoundProtocol(ABC):
    """One connection over which a peer sends sound and gets text back."""

    lossless = False
    """Whether the peer may send faster than real time and is held back, rather than sound being
    left out when the machine is behind."""

    @abstractmethod
    def receive(self, message: Message) -> Sequence[Command]:
        """Take the peer's next message.

        Raises:
            PeerError: it breaks the protocol.
        """

    @abstractmethod
    def show(self, stream: str, caption: Caption) -> Sequence[Message]:
        """A caption of a stream was made."""

    def greeting(self) -> Sequence[Message]:
        """The peer has connected."""
        return ()

    def begun(self, stream: str, session: str) -> Sequence[Message]:
        """A stream was begun, as this session."""
        return ()

    def refused(self, stream: str) -> Sequence[Message]:
        """An optional stream cannot be begun; its sound is not wanted."""
        return ()

    def settled(self, stream: str) -> Sequence[Message]:
        """The sound in front of a `Settle` was read."""
        return ()

    def finished(self, stream: str) -> Sequence[Message]:
        """Every caption of a stream was shown."""
        return ()


def parse_object(message: str) -> dict[str, Any]:
    """A message that must be a JSON object.

    Raises:
        PeerError: it is none.
    """
    try:
        data = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise PeerError(1007, "not JSON") from error
    if not isinstance(data, dict):
        raise PeerError(1007, "not a JSON object")
    return data


def to_json(data: Any) -> str:
    """A message; half a surrogate pair in what a peer is told back becomes a question mark."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()


def to_number(value: object, what: str) -> float:
    """A number, which some clients send as a string.

    Raises:
        PeerError: it is none, or not finite.
    """
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number = float(value)
        if not abs(number) < 1e15:  # NaN is not either
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise PeerError(1008, f"{what} is not a number") from error
    return number


def to_lang(value: object, what: str) -> str | None:
    """The language of a code such as `en` or `en-US`; None where none is named.

    Raises:
        PeerError: it is not a text.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise PeerError(1008, f"{what} is not a language code")
    return value.replace("_", "-").partition("-")[0].lower()
