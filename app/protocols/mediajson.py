"""Jitsi videobridge's "mediajson": the sound of a meeting's participants over one connection."""

import base64
import binascii
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.protocols.peer import (
    Begin,
    Command,
    Message,
    PeerError,
    Reply,
    Sound,
    SoundProtocol,
    parse_object,
    to_json,
    to_number,
)
from app.protocols.sound import SoundDecoder, make_decoder
from engine.captions import Caption

MAX_PARTICIPANTS = 100

_IGNORED = ("info", "stop", "mark")


@dataclass(slots=True)
class _Participant:
    endpoint: str
    decoder: SoundDecoder | None
    """None: no stream could be begun, its sound is thrown away."""


class MediaJsonProtocol(SoundProtocol):
    """`start` for each participant, then `media` with base64 payloads of all of them."""

    def __init__(
        self,
        *,
        translate: bool = False,
        send_back: bool = True,
        interim: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Wait for the first participant.

        Args:
            translate: give translations that were asked for, instead of transcripts.
            send_back: give anything at all; captions go to viewers in any case.
            interim: give what may still change as well.
            now: seconds since 1970.
        """
        self._translate = translate
        self._send_back = send_back
        self._interim = interim
        self._now = now
        self._participants: dict[str, _Participant] = {}
        self._requests: set[str] = set()

    def receive(self, message: Message) -> Sequence[Command]:
        """Take the peer's next message.

        Raises:
            PeerError: it breaks the protocol.
        """
        if isinstance(message, bytes):
            raise PeerError(1003, "binary data where JSON is due")
        data = parse_object(message)
        event = data.get("event")
        match event:
            case "media":
                return self._media(_part(data, "media"))
            case "start":
                return self._start(_part(data, "start"))
            case "ping":
                return [Reply(to_json({"event": "pong", "id": data.get("id")}))]
            case "sources":
                self._requests = {str(item) for item in _list(data, "requests")}
                return []
        if event in _IGNORED:
            return []
        raise PeerError(1008, "an event that mediajson does not have")

    def _start(self, start: dict[str, object]) -> Sequence[Command]:
        tag = _tag(start)
        form = _part(start, "mediaFormat") if "mediaFormat" in start else {}
        parameters = start.get("customParameters")
        endpoint = parameters.get("endpointId") if isinstance(parameters, dict) else None
        if tag in self._participants:
            return []
        if len(self._participants) >= MAX_PARTICIPANTS:
            raise PeerError(1008, "too many participants")
        encoding = str(form.get("encoding", "opus")).lower()
        decoder = make_decoder(
            {"l16": "s16le", "pcm": "s16le"}.get(encoding, encoding),
            round(to_number(form.get("sampleRate", 48_000), "sampleRate")),
            round(to_number(form.get("channels", 2), "channels")),
        )
        self._participants[tag] = _Participant(str(endpoint or tag), decoder)
        return [Begin(tag, optional=True)]

    def _media(self, media: dict[str, object]) -> Sequence[Command]:
        tag = _tag(media)
        participant = self._participants.get(tag)
        if participant is None:
            raise PeerError(1008, "media of a participant that was not started")
        payload = media.get("payload")
        try:
            data = base64.b64decode(payload if isinstance(payload, str) else "!", validate=True)
        except (binascii.Error, ValueError) as error:
            raise PeerError(1007, "payload is not base64") from error
        if participant.decoder is None:
            return []
        return [Sound(participant.decoder.feed(data), tag)]

    def refused(self, stream: str) -> Sequence[Message]:
        """Throw the participant's sound away."""
        self._participants[stream].decoder = None
        return []

    def show(self, stream: str, caption: Caption) -> Sequence[Message]:
        """A transcript, or a translation if it was asked for."""
        text = caption.target if self._translate else caption.source
        if not self._send_back or not (caption.final or self._interim):
            return []
        if self._translate and f"{stream}.{text.lang}" not in self._requests:
            return []
        kind = "realtime-translation-result" if self._translate else "transcription-result"
        return [
            to_json(
                {
                    "type": kind,
                    "event": kind,
                    "is_interim": not caption.final,
                    "transcript": [{"text": text.full, "confidence": 1.0}],
                    "participant": {"id": self._participants[stream].endpoint, "tag": stream},
                    "message_id": f"{caption.session}-{caption.segment}",
                    "timestamp": round(self._now() * 1000),
                    "language": text.lang,
                }
            )
        ]


def _part(data: dict[str, object], key: str) -> dict[str, object]:
    part = data.get(key)
    if not isinstance(part, dict):
        raise PeerError(1008, f"{key} is not an object")
    return part


def _list(data: dict[str, object], key: str) -> list[object]:
    items = data.get(key, [])
    if not isinstance(items, list) or len(items) > 1000:
        raise PeerError(1008, f"{key} is not a list")
    return items


def _tag(data: dict[str, object]) -> str:
    tag = data.get("tag")
    if not isinstance(tag, str | int) or not str(tag) or len(str(tag)) > 200:
        raise PeerError(1008, "no tag")
    return str(tag)
