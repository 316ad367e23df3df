"""One peer's fault at any door: its close code or status, one line in the log, nobody else hurt."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from app.server.config import ServerConfig
from app.server.doors import OpenDoors
from engine.captions import Caption
from tests.app.server.serving import LOOPBACK, request
from tests.app.server.sound import (
    finals_of,
    pieces,
    serving_sound,
    silence,
    start,
    to_end,
    tone,
)
from tests.app.server.test_protocols import media, start_of
from tests.fakes import Gate

WORDS = "word1 word2 word3 word4"
SOUND_DOORS = ("/audio", "/vosk", "/simulstream", "/transcribe", "/translate", "/asr")
DOORS = ("/captions", "/", *SOUND_DOORS)
TOO_LARGE = bytes(LOOPBACK.max_message_bytes + 1)
START = json.dumps({"type": "start"})
RATE = '{"sample_rate":16000,"source_lang":"en","target_lang":"de"}'

Messages = list[str | bytes]
FAULTS: dict[str, tuple[str, Messages, int]] = {
    "audio: bad JSON": ("/audio", ["{"], 1007),
    "audio: no object": ("/audio", ["[]"], 1007),
    "audio: sound before the start": ("/audio", [b"\0\0"], 1008),
    "audio: words where sound is due": ("/audio", [START, "hello"], 1007),
    "audio: text where sound is due": ("/audio", [START, '{"type":"config"}'], 1003),
    "audio: a second start": ("/audio", [START, START], 1008),
    "audio: a wrong rate": ("/audio", ['{"type":"start","rate_hz":99}'], 1008),
    "audio: a rate that is no number": ("/audio", ['{"type":"start","rate_hz":"fast"}'], 1008),
    "audio: an unknown encoding": ("/audio", ['{"type":"start","encoding":"mp3"}'], 1008),
    "audio: another language": ("/audio", ['{"type":"start","source_lang":"fr"}'], 1008),
    "audio: a language switch in mid-stream": (
        "/audio",
        [START, tone(0.5), '{"type":"start","source_lang":"fr"}'],
        1008,
    ),
    "audio: no Opus": ("/audio", ['{"type":"start","encoding":"opus"}', b"\xff" * 4], 1007),
    "audio: no WebM": ("/audio", ['{"type":"start","encoding":"webm"}', b"\xff" * 4], 1007),
    "vosk: bad JSON": ("/vosk", ["hello"], 1007),
    "vosk: text where sound is due": ("/vosk", ["{}"], 1003),
    "vosk: a configuration that is none": ("/vosk", ['{"config":1}'], 1008),
    "vosk: a wrong rate": ("/vosk", ['{"config":{"sample_rate":1}}', b"\0\0"], 1008),
    "vosk: a wrong rate in mid-stream": (
        "/vosk",
        [b"\0\0", '{"config":{"sample_rate":1e9}}'],
        1008,
    ),
    "simulstream: bad JSON": ("/simulstream", ["{"], 1007),
    "simulstream: sound before the rate": ("/simulstream", [b"\0\0"], 1008),
    "simulstream: text where sound is due": ("/simulstream", [RATE, "{}"], 1003),
    "simulstream: a wrong rate": ("/simulstream", ['{"sample_rate":5}'], 1008),
    "simulstream: another language": (
        "/simulstream",
        ['{"sample_rate":16000,"target_lang":"fr"}'],
        1008,
    ),
    "simulstream: a language switch in mid-stream": (
        "/simulstream",
        [RATE, tone(0.5), '{"sample_rate":16000,"source_lang":"fr"}'],
        1008,
    ),
    "mediajson: bad JSON": ("/transcribe", ["{"], 1007),
    "mediajson: sound where JSON is due": ("/transcribe", [b"\0\0"], 1003),
    "mediajson: a stranger's sound": ("/transcribe", [media("1", 0, b"")], 1008),
    "mediajson: no payload": (
        "/transcribe",
        [start_of("1", "a"), '{"event":"media","media":{"tag":"1"}}'],
        1007,
    ),
    "mediajson: no Opus": (
        "/transcribe",
        [start_of("1", "a", "opus"), media("1", 0, b"\xff" * 4)],
        1007,
    ),
    "mediajson: a wrong rate": (
        "/transcribe",
        [start_of("1", "a").replace("16000", "16")],
        1008,
    ),
    "mediajson: an unknown event": ("/translate", ['{"event":"dance"}'], 1008),
    "whisperlivekit: text where sound is due": ("/asr", ["hello"], 1003),
    "whisperlivekit: WebM without Opus": ("/asr", [b"\x1aE\xdf\xa3\x80\xa3\x84\x81\0\0\0"], 1007),
    **{f"{door}: too large": (door, [TOO_LARGE], 1009) for door in DOORS},
    **{f"{door}: too large as text": (door, ["x" * len(TOO_LARGE)], 1009) for door in SOUND_DOORS},
}


@asynccontextmanager
async def while_another_is_heard(
    doors: OpenDoors, query: str = ""
) -> AsyncIterator[ClientConnection]:
    """A stream and a viewer that see nothing of what happens inside the context."""
    async with (
        connect(f"ws://{doors.address}/audio{query}") as good,
        connect(f"ws://{doors.address}/captions{query}") as viewer,
    ):
        await viewer.recv()
        await start(good)
        await good.send(tone(1.0))
        yield good
        await good.send(tone(1.0))
        captions = await to_end(good)
        assert finals_of(captions) == [WORDS]
        while Caption.from_json(await viewer.recv()) != captions[-1]:
            pass


async def send_and_read(peer: ClientConnection, messages: Messages) -> None:
    for message in messages:
        await peer.send(message)
    while True:
        await peer.recv()


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_closes_its_connection_with_one_log_line_and_no_other(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, messages, code = FAULTS[fault]
    caplog.set_level(logging.INFO)
    async with serving_sound() as doors, while_another_is_heard(doors):
        async with connect(f"ws://{doors.address}{path}", compression=None) as bad:
            with pytest.raises(ConnectionClosed):
                await send_and_read(bad, messages)
            assert bad.close_code == code
    assert sum(f"{path} from 127.0.0.1: closed with" in line for line in caplog.messages) == 1
    assert sum(f"closed with {code}" in line for line in caplog.messages) == 1
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("shown", ["", "?token=", "?token=wr0ng"])
@pytest.mark.parametrize("path", DOORS)
async def test_no_door_opens_without_the_token(
    path: str, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = ServerConfig(address="127.0.0.1:0", token="s3cret")
    caplog.set_level(logging.INFO)
    async with serving_sound(config) as doors, while_another_is_heard(doors, "?token=s3cret"):
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://{doors.address}{path}{shown}")
        assert refused.value.response.status_code == 401
    (line,) = [line for line in caplog.messages if "127.0.0.1: 401" in line]
    assert line == f"GET {path} from 127.0.0.1: 401 a valid token is required"


@pytest.mark.parametrize("path", DOORS)
async def test_no_door_opens_to_a_page_from_elsewhere(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving_sound() as doors, while_another_is_heard(doors):
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://{doors.address}{path}", origin=Origin("https://example.org"))
        assert refused.value.response.status_code == 403
    assert sum(f"GET {path} from 127.0.0.1: 403" in line for line in caplog.messages) == 1


async def test_the_port_of_vosk_has_the_same_lock() -> None:
    config = ServerConfig(address="127.0.0.1:0", vosk_port=0, token="s3cret")
    async with serving_sound(config) as doors:
        url = f"ws://{doors.vosk_address}/"
        with pytest.raises(InvalidStatus) as refused:
            await connect(url)
        assert refused.value.response.status_code == 401
        async with connect(f"{url}?token=s3cret") as peer:
            await peer.send('{"eof":1}')
            assert json.loads(await peer.recv()) == {"text": ""}


BYTE_BY_BYTE: dict[str, tuple[Messages, Messages]] = {
    "/audio": ([START], ['{"type":"end"}']),
    "/vosk": (['{"config":{"sample_rate":16000}}'], ['{"eof":1}']),
    "/simulstream": ([RATE], ['{"end_of_stream":true}']),
    "/asr": ([], [b""]),
}


@pytest.mark.parametrize("path", BYTE_BY_BYTE)
async def test_sound_may_come_byte_by_byte(path: str) -> None:
    first, last = BYTE_BY_BYTE[path]
    # A ping is answered behind thousands of messages: on a busy machine, too late.
    async with serving_sound() as doors, connect(f"ws://{doors.address}/captions") as viewer:
        await viewer.recv()
        async with connect(f"ws://{doors.address}{path}", ping_timeout=None) as peer:
            reading = asyncio.create_task(read_all(peer))
            for message in (*first, *pieces(tone(0.51), 1), *last):
                await peer.send(message)
            while not (caption := Caption.from_json(await viewer.recv())).final:
                pass
        await reading
    assert caption.source.full == "word1"


async def test_jitsis_sound_may_come_byte_by_byte() -> None:
    async with serving_sound() as doors:
        async with connect(f"ws://{doors.address}/transcribe", ping_timeout=None) as peer:
            await peer.send(start_of("1", "alice"))
            for chunk, piece in enumerate(pieces(tone(0.51), 1)):
                await peer.send(media("1", chunk, piece))
            assert json.loads(await peer.recv())["transcript"][0]["text"] == "word1"


async def read_all(peer: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await peer.recv()


@pytest.mark.parametrize("path", ["/captions", "/audio"])
async def test_of_a_crowd_at_once_as_many_as_agreed_are_let_in(path: str) -> None:
    config = ServerConfig(address="127.0.0.1:0", max_viewers=5, max_sessions=5)
    async with serving_sound(config) as doors:
        crowd = await asyncio.gather(
            *(enter(f"ws://{doors.address}{path}") for _ in range(20)), return_exceptions=True
        )
        let_in = [one for one in crowd if isinstance(one, ClientConnection)]
        statuses = [one.response.status_code for one in crowd if isinstance(one, InvalidStatus)]
        codes = [one.rcvd.code for one in crowd if isinstance(one, ConnectionClosed) and one.rcvd]
        assert len(let_in) == 5
        assert set(statuses) <= {503}
        assert set(codes) <= {1013}
        assert len(statuses) + len(codes) == 15
        for one in let_in:
            await one.close()


async def enter(url: str) -> ClientConnection:
    """Whoever is let in has got an answer."""
    peer = await connect(url)
    if url.endswith("/audio"):
        await peer.send(START)
    await peer.recv()
    return peer


SPEECH = tone(0.6)
BEGINNINGS: dict[str, Messages] = {
    "/audio": [START, SPEECH],
    "/vosk": ['{"config":{"sample_rate":16000}}', SPEECH],
    "/simulstream": [RATE, SPEECH],
    "/transcribe": [start_of("1", "alice"), media("1", 0, SPEECH)],
    "/translate": [start_of("1", "alice"), media("1", 0, SPEECH)],
    "/asr": [SPEECH],
    "/captions": [],
}


async def test_long_inference_keeps_every_connection_alive() -> None:
    gate = Gate()
    async with serving_sound(translate=gate) as doors, contextlib.AsyncExitStack() as stack:
        peers = {}
        for path, beginning in BEGINNINGS.items():
            url = f"ws://{doors.address}{path}"
            peers[path] = await stack.enter_async_context(connect(url, ping_interval=None))
            for message in beginning:
                await peers[path].send(message)
        await asyncio.to_thread(gate.arrived.acquire)
        for _ in range(30):  # the worker is busy for as long as these pings take
            await asyncio.gather(*[await peer.ping() for peer in peers.values()])
        assert (await request(doors.address, "/health")).status == 200
        for _ in range(1000):
            gate.opened.release()
        assert json.loads(await peers["/audio"].recv())["type"] == "ready"
        assert finals_of(await to_end(peers["/audio"]))
        await peers["/vosk"].send('{"eof":1}')
        while not json.loads(await peers["/vosk"].recv()).get("text"):
            pass


async def test_a_language_that_is_asked_for_in_mid_stream_is_given_from_there_on() -> None:
    async with serving_sound() as doors:
        async with connect(f"ws://{doors.address}/translate?sendBackInterim=false") as peer:
            await peer.send(start_of("1", "alice"))
            await peer.send('{"event":"sources","exports":["1"],"requests":["1.fr"]}')
            for chunk, piece in enumerate(pieces(tone(2.0), 640)):
                await peer.send(media("1", chunk, piece))
            await peer.send('{"event":"sources","exports":["1"],"requests":["1.de"]}')
            for chunk, piece in enumerate(pieces(tone(2.0) + silence(0.1), 640), 100):
                await peer.send(media("1", chunk, piece))
            message = json.loads(await peer.recv())
    assert message["language"] == "de"
    assert message["transcript"][0]["text"].split()[-1] in ("WORD1", "WORD5")
