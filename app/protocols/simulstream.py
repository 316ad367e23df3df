"""The protocol of simulstream: sound in, changes of the translation out."""

from collections.abc import Sequence

from app.protocols.peer import (
    Begin,
    Command,
    Finish,
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
from engine.captions import Caption
from engine.stability import common_prefix


class SimulstreamProtocol(SoundProtocol):
    """`{"sample_rate":…}`, s16le, `{"end_of_stream":true}`; then maybe the next stream."""

    lossless = True  # its client sends a whole file at once, and reads only afterwards

    def __init__(self) -> None:
        """Wait for the first stream."""
        self._decoder: SoundDecoder | None = None
        self._last = b""
        self._held = b""  # a piece that is like the one before it
        self._shown: list[str] = []  # words of the open segment

    def receive(self, message: Message) -> Sequence[Command]:
        """Take the peer's next message.

        Raises:
            PeerError: it breaks the protocol.
        """
        if isinstance(message, bytes):
            return self._hear(message)
        data = parse_object(message)
        if "sample_rate" in data:
            return self._start(data)
        if "end_of_stream" in data and self._decoder is not None:
            rest, self._decoder = self._decoder.flush(), None
            return [Sound(rest), Finish()]
        raise PeerError(1003, "text where sound is due")

    def _hear(self, message: bytes) -> Sequence[Command]:
        if self._decoder is None:
            raise PeerError(1008, "send the sample rate before sound")
        held, self._held = self._held, b""
        if message == self._last:  # its client sends the last piece twice: is it that one?
            message, self._held = b"", message
        else:
            self._last = message
        return [Sound(self._decoder.feed(held + message))]

    def _start(self, data: dict[str, object]) -> Sequence[Command]:
        if self._decoder is not None:
            raise PeerError(1008, "the stream was started already; end it first")
        rate_hz = round(to_number(data["sample_rate"], "sample_rate"))
        self._decoder = make_decoder("s16le", rate_hz, 1)
        self._last, self._held, self._shown = b"", b"", []
        return [
            Begin(
                source_lang=to_lang(data.get("source_lang"), "source_lang"),
                target_lang=to_lang(data.get("target_lang"), "target_lang"),
            )
        ]

    def show(self, stream: str, caption: Caption) -> Sequence[Message]:
        """What to take off the end of the text, and what to put there."""
        words = caption.target.full.split()
        n_kept = common_prefix(self._shown, words)
        deleted, new = self._shown[n_kept:], words[n_kept:]
        self._shown = [] if caption.final else words
        if not deleted and not new:
            return []
        return [to_json({"new": _spaced(new), "deleted": _spaced(deleted)})]

    def finished(self, stream: str) -> Sequence[Message]:
        """Tell that nothing follows."""
        return [to_json({"end_of_processing": True})]


def _spaced(words: Sequence[str]) -> str:
    return "".join(f" {word}" for word in words)
