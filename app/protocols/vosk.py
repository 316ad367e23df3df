"""The vosk WebSocket protocol, as vosk-server speaks it.

Stock clients run in lockstep: they send a frame of sound and wait for exactly one reply, a
partial or a result. So a reply comes once the frame was read, whatever has become known by then,
and several segments that ended in one frame are one result.
"""

from collections.abc import Sequence

from app.protocols.peer import (
    Begin,
    Command,
    Finish,
    Leave,
    Message,
    PeerError,
    Reply,
    Settle,
    Sound,
    SoundProtocol,
    parse_object,
    to_json,
    to_number,
)
from app.protocols.sound import SoundDecoder, make_decoder
from engine.captions import Caption

DEFAULT_RATE_HZ = 8_000
"""That of vosk-server, for clients that send no configuration."""


class VoskProtocol(SoundProtocol):
    """`{"config":{…}}`, frames of s16le, `{"eof":1}`; `{"reset":1}` starts anew."""

    lossless = True

    def __init__(self, *, translated: bool = False) -> None:
        """Give what was said, or with `translated` what it means."""
        self._translated = translated
        self._rate_hz = DEFAULT_RATE_HZ
        self._with_words = True
        self._n_alternatives = 0
        self._decoder: SoundDecoder | None = None
        self._finals: list[Caption] = []
        self._partial = ""

    def receive(self, message: Message) -> Sequence[Command]:
        """Take the peer's next message.

        Raises:
            PeerError: it breaks the protocol.
        """
        if isinstance(message, bytes):
            return self._hear(message)
        data = parse_object(message)
        if "config" in data:
            return self._configure(data["config"])
        if "eof" in data:
            return [*self._end(), Leave()]
        if "reset" in data:
            return self._end()
        raise PeerError(1003, "text where sound is due")

    def _hear(self, frame: bytes) -> Sequence[Command]:
        commands: list[Command] = []
        if self._decoder is None:
            self._decoder = make_decoder("s16le", self._rate_hz, 1)
            commands.append(Begin())
        return [*commands, Sound(self._decoder.feed(frame)), Settle()]

    def _configure(self, config: object) -> Sequence[Command]:
        if not isinstance(config, dict):
            raise PeerError(1008, "config is not an object")
        rate_hz = round(to_number(config.get("sample_rate", self._rate_hz), "sample_rate"))
        self._with_words = bool(config.get("words", self._with_words))
        self._n_alternatives = round(to_number(config.get("max_alternatives", 0), "alternatives"))
        if rate_hz == self._rate_hz:
            return []
        self._rate_hz = rate_hz
        decoder = make_decoder("s16le", rate_hz, 1)
        if self._decoder is None:
            return []
        rest, self._decoder = self._decoder.flush(), decoder
        return [Sound(rest)]

    def _end(self) -> list[Command]:
        if self._decoder is None:
            return [Reply(self._result())]
        rest, self._decoder = self._decoder.flush(), None
        return [Sound(rest), Finish()]

    def show(self, stream: str, caption: Caption) -> Sequence[Message]:
        """Keep it for the next reply."""
        if caption.final:
            self._finals.append(caption)
            self._partial = ""
        else:
            self._partial = self._text(caption)
        return []

    def settled(self, stream: str) -> Sequence[Message]:
        """The one reply to a frame."""
        return [self._result() if self._finals else to_json({"partial": self._partial})]

    def finished(self, stream: str) -> Sequence[Message]:
        """The one reply to the end, or to a reset."""
        return [self._result()]

    def _text(self, caption: Caption) -> str:
        return (caption.target if self._translated else caption.source).full

    def _result(self) -> str:
        finals, self._finals, self._partial = self._finals, [], ""
        text = " ".join(filter(None, map(self._text, finals)))
        result = [word for final in finals for word in _timed(self._text(final), final)]
        if self._n_alternatives > 0:
            best: dict[str, object] = {"confidence": 1.0, "text": text}
            return to_json({"alternatives": [{**best, "result": result} if result else best]})
        if self._with_words and result:
            return to_json({"result": result, "text": text})
        return to_json({"text": text})


def _timed(text: str, caption: Caption) -> list[dict[str, object]]:
    """The words with times that share the segment's span in proportion to their letters."""
    words = text.split()
    letter_s = (caption.end_s - caption.start_s) / max(sum(map(len, words)), 1)
    timed: list[dict[str, object]] = []
    start_s = caption.start_s
    for word in words:
        end_s = start_s + len(word) * letter_s
        timed.append(
            {"conf": 1.0, "start": round(start_s, 2), "end": round(end_s, 2), "word": word}
        )
        start_s = end_s
    return timed
