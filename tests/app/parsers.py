"""Everything that reads what a peer sends, as functions of bytes: for all that throws bytes at it.

Each function returns, whatever the bytes are; an error that a parser does not announce comes out.
"""

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from websockets.datastructures import Headers

from app.feeds.follow import Position
from app.protocols.libretranslate import RequestError, TranslationRequest, sentences
from app.protocols.mediajson import MediaJsonProtocol
from app.protocols.mqtt import MqttSound, device_of
from app.protocols.obs import ObsError, check_identified, identify, outcome
from app.protocols.own import OwnProtocol
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
)
from app.protocols.simulstream import SimulstreamProtocol
from app.protocols.sound import make_decoder
from app.protocols.vosk import VoskProtocol
from app.protocols.whisperlivekit import WhisperLiveKitProtocol
from app.server.access import Access
from app.server.http import RequestReader, Target
from app.server.views import View, ViewError
from engine.captions import Caption, ProtocolError, WordTimes
from engine.revised_text import RevisedText
from tests.app.fakes import caption

Parser = Callable[[bytes], None]
BETWEEN = b"\n--\n"
"""Ends a message where a parser takes several."""
CLOSE_CODES = (1003, 1007, 1008)
MAX_REASON_BYTES = 123  # what a close frame holds
CAPTION = caption(3, target=("guten", "Morgen")).to_json()
WORD = WordTimes(text="guten", spoken_s=0.5, recognised_s=1.0, translated_s=1.5, shown_s=2.0)
DETAILED = replace(caption(3), words=(WORD, WORD)).to_json(detail=True)


def check_order(commands: Sequence[Command], begun: set[str]) -> None:
    """Sound belongs to a stream that was begun and is not finished; what is sent can be sent."""
    for command in commands:
        match command:
            case Begin(stream):
                assert stream not in begun
                begun.add(stream)
            case Sound(samples, stream):
                assert stream in begun
                assert samples.dtype == np.float32
                assert samples.ndim == 1
            case Finish(stream):
                begun.remove(stream)
            case Reply(message):
                check_sendable([message])
            case Settle() | Leave():
                pass


def check_sendable(messages: Sequence[Message]) -> None:
    for message in messages:
        if isinstance(message, str):
            message.encode()


def talk(protocol: SoundProtocol, messages: Sequence[Message]) -> None:
    """A conversation to its end, or to the error that the protocol announces."""
    try:
        check_sendable(protocol.greeting())
        begun: set[str] = set()
        for message in messages:
            commands = protocol.receive(message)
            check_order(commands, begun)
            if any(isinstance(command, Leave) for command in commands):
                return
            for stream in begun:
                check_sendable(protocol.show(stream, caption(0)))
                check_sendable(protocol.settled(stream))
    except PeerError as error:
        check_refusal(error)


def check_refusal(error: PeerError) -> None:
    assert error.code in CLOSE_CODES, error.code
    assert 0 < len(error.reason.encode()) <= MAX_REASON_BYTES


def messages_of(data: bytes) -> list[Message]:
    """Text where it can be, as from a WebSocket."""
    found: list[Message] = []
    for part in data.split(BETWEEN):
        try:
            found.append(part.decode() if part[:1] in (b"{", b"[", b'"') else part)
        except ValueError:
            found.append(part)
    return found


def _protocol(make: Callable[[], SoundProtocol]) -> Parser:
    return lambda data: talk(make(), messages_of(data))


def _decoder(encoding: str) -> Parser:
    def parse(data: bytes) -> None:
        decoder = make_decoder(encoding, 48_000, 2)
        try:
            for piece in data.split(BETWEEN):
                assert decoder.feed(piece).dtype == np.float32
            decoder.flush()
        except PeerError as error:
            check_refusal(error)

    return parse


def _mqtt(data: bytes) -> None:
    protocol = MqttSound("d")
    begun: set[str] = set()
    for message in data.split(BETWEEN):
        topic, _, payload = message.partition(b" ")
        name = "d/audio/" + topic.decode("utf-8", "replace")
        try:
            check_order(protocol.receive(name, payload), begun)
        except PeerError:  # as the server does
            protocol.forget(device_of(name))
            begun.discard(device_of(name))


def _http(data: bytes) -> None:
    """In one piece and byte by byte a request means the same."""
    whole, slow = RequestReader(64), RequestReader(64)
    passed_on = whole.feed(data)
    assert b"".join(slow.feed(data[i : i + 1]) for i in range(len(data))) == passed_on
    assert (slow.body, slow.body_too_large) == (whole.body, whole.body_too_large)
    assert len(whole.body) <= 64


def _url(data: bytes) -> None:
    target = Target.parse(data.decode("latin-1"))
    headers = Headers()
    value = "".join(filter(str.isprintable, target.path))  # websockets lets nothing else through
    headers["Host"] = headers["Origin"] = headers["Authorization"] = value
    Access("s3cret").refusal(target, headers)
    Access(None).refusal(target, headers)
    with contextlib.suppress(ViewError):
        View.parse(target).wants(caption(0))


def _translation(data: bytes) -> None:
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        with contextlib.suppress(RequestError):
            for text in TranslationRequest.parse(data, content_type).texts:
                assert " ".join(sentences(text)).split() == text.split()


def _obs(data: bytes) -> None:
    for read in (outcome, check_identified, lambda message: identify(message, "s3cret")):
        with contextlib.suppress(ObsError):
            read(data)


def _caption(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        text = Caption.from_json(data).to_json(detail=True)
        assert Caption.from_json(text).to_json(detail=True) == text


def _feed(data: bytes) -> None:
    position = Position()
    for message in data.split(BETWEEN):
        with contextlib.suppress(ProtocolError):
            position.accept(message)
    json.dumps(position.query())


def _revised(data: bytes) -> None:
    reader = RevisedText("en", lambda: 0.0)
    prefixes = reader.accept(data.decode("utf-8", "replace"))
    for prefix in (*prefixes, *reader.finish()):
        prefix.text.encode()


PARSERS: dict[str, tuple[Parser, tuple[bytes, ...]]] = {
    "own": (
        _protocol(OwnProtocol),
        (
            b'{"type":"start","encoding":"s16le","rate_hz":16000,"channels":1,"source_lang":"en"}'
            + BETWEEN + b"\0\1\2\3" + BETWEEN + b'{"type":"end"}',
            b'{"type":"start","encoding":"opus"}' + BETWEEN + b"\xfc\xff\xfe",
        ),
    ),
    "vosk": (
        _protocol(VoskProtocol),
        (
            b'{"config":{"sample_rate":"16000.0","words":true,"max_alternatives":2}}'
            + BETWEEN + b"\0\1\2\3" + BETWEEN + b'{"reset":1}' + BETWEEN + b'{"eof" : 1}',
        ),
    ),
    "simulstream": (
        _protocol(SimulstreamProtocol),
        (
            b'{"sample_rate":16000,"source_lang":"en-US","target_lang":"de","metrics_metadata":{}}'
            + BETWEEN + b"\0\1\2\3" + BETWEEN + b'{"end_of_stream":true}',
        ),
    ),
    "mediajson": (
        _protocol(MediaJsonProtocol),
        (
            b'{"event":"start","start":{"tag":"1","mediaFormat":{"encoding":"l16","sampleRate":'
            b'"16000","channels":1},"customParameters":{"endpointId":"a"}}}' + BETWEEN
            + b'{"event":"media","media":{"tag":"1","chunk":"1","payload":"AAEC"}}' + BETWEEN
            + b'{"event":"ping","id":1}' + BETWEEN
            + b'{"event":"sources","exports":["1"],"requests":["1.de"]}',
        ),
    ),
    "whisperlivekit": (
        _protocol(WhisperLiveKitProtocol),
        (b"\0\1\2\3" + BETWEEN, b"\x1aE\xdf\xa3\x80\x18\x53\x80\x67\x80"),
    ),
    "mqtt": (
        _mqtt,
        (b"a/s16le/16000 \0\0\0\1\0\1" + BETWEEN + b"a/s16le/16000 \0\0\0\2",),
    ),
    "webm": (
        _decoder("webm"),
        (
            b"\x1aE\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae\x6b\x91"
            b"\xae\x8f\xd7\x81\x01\x86\x86A_OPUS\xe1\x83\x9f\x81\x02"
            b"\x1f\x43\xb6\x75\xff\xa3\x87\x81\0\0\x80\xfc\xff\xfe",
        ),
    ),
    "opus": (_decoder("opus"), (b"\xfc\xff\xfe" + BETWEEN + b"\x78\0\0",)),
    "samples": (_decoder("f32le"), (b"\0\0\x80\x3f\0\0\xc0\x7f" + BETWEEN + b"\0",)),
    "http": (
        _http,
        (b"POST /translate HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{}\n more",),
    ),
    "url": (_url, (b"/captions?session=a&lang=de,fr&mode=reading&after=a:7&token=s3cret",)),
    "translation": (
        _translation,
        (b'{"q":["a. b"],"source":"en","target":"de","api_key":"k"}', b"q=a&source=en&target=de"),
    ),
    "obs": (
        _obs,
        (
            b'{"op":0,"d":{"authentication":{"challenge":"a","salt":"b"}}}',
            b'{"op":7,"d":{"requestId":"1","requestStatus":{"result":true,"code":100}}}',
        ),
    ),
    "caption": (_caption, (CAPTION.encode(), DETAILED.encode())),
    "feed": (
        _feed,
        (
            b'{"type":"snapshot","v":1,"session":null,"captions":[' + CAPTION.encode()
            + b'],"lost":["a"]}' + BETWEEN + CAPTION.encode(),
        ),
    ),
    "revised": (_revised, (b'{"committed":"we","tentative":"a","finished":true}\n',)),
}  # fmt: skip
"""By name: the parser, and what it is meant for."""
