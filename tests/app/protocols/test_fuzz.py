"""Whatever a peer sends, a protocol answers with commands in order or with one kind of error."""

import base64
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from app.protocols.libretranslate import MAX_WORDS, RequestError, TranslationRequest, sentences
from app.protocols.mediajson import MediaJsonProtocol
from app.protocols.mqtt import MqttSound
from app.protocols.own import OwnProtocol
from app.protocols.peer import PeerError, Sound, SoundProtocol
from app.protocols.simulstream import SimulstreamProtocol
from app.protocols.vosk import VoskProtocol
from app.protocols.whisperlivekit import WhisperLiveKitProtocol
from app.server.access import Access
from app.server.http import Target
from app.server.views import View, ViewError
from tests.app.fakes import caption
from tests.app.parsers import PARSERS, check_order, talk

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
SOUND = st.binary(max_size=64)


def objects(*keys: str, **known: Any) -> st.SearchStrategy[str]:
    """JSON objects with some of these keys, some of them as they should be."""
    fields = dict.fromkeys(keys, VALUES)
    fields.update({key: st.just(value) | VALUES for key, value in known.items()})
    return st.fixed_dictionaries({}, optional=fields).map(json.dumps)


PAYLOAD = base64.b64encode(b"\0\0\1\1").decode()
FORMAT = {"encoding": "l16", "sampleRate": "16000", "channels": 1}
PROTOCOLS: dict[str, tuple[Callable[[], SoundProtocol], st.SearchStrategy[str]]] = {
    "own": (
        OwnProtocol,
        objects("source_lang", "encoding", type="start", rate_hz=16000, channels=1)
        | st.sampled_from(['{"type":"start"}', '{"type":"end"}']),
    ),
    "vosk": (
        VoskProtocol,
        objects("max_alternatives", config={"sample_rate": "16000"})
        | st.sampled_from(['{"eof" : 1}', '{"reset":1}', '{"config":{"sample_rate":8000.0}}']),
    ),
    "simulstream": (
        SimulstreamProtocol,
        objects("source_lang", "target_lang", sample_rate=16000)
        | st.sampled_from(['{"sample_rate":16000}', '{"end_of_stream":true}']),
    ),
    "mediajson": (
        MediaJsonProtocol,
        objects(
            "requests",
            event="media",
            media={"tag": "1", "payload": PAYLOAD},
            start={"tag": "1", "mediaFormat": FORMAT},
        )
        | st.sampled_from(
            [
                json.dumps({"event": "start", "start": {"tag": "1", "mediaFormat": FORMAT}}),
                json.dumps({"event": "media", "media": {"tag": "1", "payload": PAYLOAD}}),
                '{"event":"ping","id":"1"}',
            ]
        ),
    ),
    "whisperlivekit": (WhisperLiveKitProtocol, st.just("{}")),
}


@pytest.mark.parametrize("name", PROTOCOLS)
@given(data=st.data())
def test_a_protocol_survives_any_peer(name: str, data: st.DataObject) -> None:
    make, likely = PROTOCOLS[name]
    talk(make(), data.draw(st.lists(likely | st.text() | SOUND, max_size=12)))


def damaged(sound: bytes) -> st.SearchStrategy[bytes]:
    """Bytes that were in order, with a piece of them replaced."""
    places = st.tuples(st.integers(0, len(sound)), st.integers(0, 8), st.binary(max_size=8))
    return places.map(lambda at: sound[: at[0]] + at[2] + sound[at[0] + at[1] :])


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_a_parser_survives_any_bytes(name: str, data: st.DataObject) -> None:
    parse, meant = PARSERS[name]
    for sound in meant:
        parse(sound)
    parse(data.draw(st.binary() | st.one_of(*map(damaged, meant))))


TOPICS = st.sampled_from(
    ["d/audio/a/s16le/16000", "d/audio/b/f32le/8000", "d/audio/a/opus/48000", "d/audio/a/s16le/x"]
) | st.text().map(lambda text: f"d/audio/{text}")


@given(st.lists(st.tuples(TOPICS, SOUND), max_size=20))
def test_mqtt_sound_survives_any_device(messages: list[tuple[str, bytes]]) -> None:
    protocol = MqttSound("d")
    begun: set[str] = set()
    for topic, payload in messages:
        try:
            check_order(protocol.receive(topic, payload), begun)
        except PeerError:
            begun.discard(topic.split("/")[2])


@given(st.permutations(range(8)), st.integers(0, 2**32 - 1))
def test_chunks_over_mqtt_are_never_out_of_order(order: list[int], first: int) -> None:
    protocol = MqttSound("d")
    heard: list[int] = []
    for number in order:
        payload = ((first + number) % 2**32).to_bytes(4, "big") + bytes([number + 1, 0]) * 2
        for command in protocol.receive("d/audio/a/s16le/16000", payload):
            if isinstance(command, Sound):
                heard += [round(value * 2**15) - 1 for value in command.samples.tolist() if value]
    assert heard == sorted(heard)
    assert order[0] in heard


@given(st.binary(), st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]))
def test_a_translation_request_is_read_or_refused(body: bytes, content_type: str) -> None:
    with contextlib.suppress(RequestError):
        assert TranslationRequest.parse(body, content_type).texts


@given(objects("format", "api_key", q=["a"], source="en", target="de"))
def test_an_object_is_a_translation_request_or_refused(body: str) -> None:
    with contextlib.suppress(RequestError):
        assert TranslationRequest.parse(body.encode(), "application/json").texts


@given(st.text())
def test_sentences_lose_no_word(line: str) -> None:
    pieces = sentences(line)
    assert " ".join(pieces).split() == line.split()
    assert all(len(piece.split()) <= MAX_WORDS for piece in pieces)


@given(st.text(), st.text())
def test_any_url_is_a_view_or_refused(path: str, query: str) -> None:
    target = Target.parse(f"/{path}?{query}")
    with contextlib.suppress(ViewError):
        assert View.parse(target).wants(caption(0)) in (True, False)


PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126))


@given(PRINTABLE | st.just("s3cret"), PRINTABLE)
def test_only_the_token_opens(shown: str, origin: str) -> None:
    headers = Headers()
    headers["Authorization"] = f"Bearer {shown}"
    headers["Origin"] = origin
    refusal = Access("s3cret").refusal(Target.parse("/"), headers)
    assert (refusal is None) == (shown == "s3cret")
