"""`/audio`: Dragoman's own way to send sound and get captions back; see docs/feed.md."""

from collections.abc import Sequence

from app.protocols.peer import (
    ONE_STREAM,
    Begin,
    Command,
    Leave,
    Message,
    PeerError,
    Sound,
    SoundProtocol,
    parse_object,
    to_json,
    to_lang,
    to_number,
)
from app.protocols.sound import SoundDecoder, make_decoder
from engine.captions import FORMAT_VERSION, Caption


class OwnProtocol(SoundProtocol):
    """`{"type":"start",…}`, then sound in binary messages, then `{"type":"end"}`."""

    def __init__(self) -> None:
        """Wait for the start."""
        self._decoder: SoundDecoder | None = None
        self._ended = False

    def receive(self, message: Message) -> Sequence[Command]:
        """Take the peer's next message.

        Raises:
            PeerError: it breaks the protocol.
        """
        if self._ended:
            raise PeerError(1008, "the stream has ended")
        if isinstance(message, bytes):
            if self._decoder is None:
                raise PeerError(1008, "send a start message before sound")
            return [Sound(self._decoder.feed(message))]
        data = parse_object(message)
        if data.get("type") == "start":
            return self._start(data)
        if data.get("type") == "end" and self._decoder is not None:
            self._ended = True
            return [Sound(self._decoder.flush()), Leave()]
        raise PeerError(1003, "text where sound is due")

    def _start(self, data: dict[str, object]) -> Sequence[Command]:
        if self._decoder is not None:
            raise PeerError(1008, "the stream was started already; open another one")
        self._decoder = make_decoder(
            str(data.get("encoding", "s16le")),
            round(to_number(data.get("rate_hz", 16_000), "rate_hz")),
            round(to_number(data.get("channels", 1), "channels")),
        )
        return [
            Begin(
                ONE_STREAM,
                to_lang(data.get("source_lang"), "source_lang"),
                to_lang(data.get("target_lang"), "target_lang"),
            )
        ]

    def begun(self, stream: str, session: str) -> Sequence[Message]:
        """Tell the name of the session."""
        return [to_json({"type": "ready", "v": FORMAT_VERSION, "session": session})]

    def show(self, stream: str, caption: Caption) -> Sequence[Message]:
        """The caption as it is."""
        return [caption.to_json()]

    def finished(self, stream: str) -> Sequence[Message]:
        """Tell that nothing follows."""
        return [to_json({"type": "end", "v": FORMAT_VERSION})]
