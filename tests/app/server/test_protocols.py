"""The doors for other programs' clients, as those clients use them."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.server import sessions
from app.server.config import ServerConfig
from engine.multilingual import MultilingualTranslator
from tests.app.server.serving import request
from tests.app.server.sound import Endpointing, pieces, serving_sound, silence, tone
from tests.app.server.test_sound import opus_packets
from tests.fakes import FakeTranslator, fickle, upper

WORDS = "word1 word2 word3 word4"


async def ask(peer: ClientConnection, message: str | bytes) -> Any:
    """Send one message and read one, as a client in lockstep does."""
    await peer.send(message)
    return json.loads(await peer.recv())


@pytest.mark.parametrize("path", ["/vosk", "/"])
@pytest.mark.parametrize("rate", ["16000", '"16000"', "16000.0"])
async def test_vosk_gives_exactly_one_reply_a_frame(path: str, rate: str) -> None:
    config = ServerConfig(address="127.0.0.1:0", vosk_port=0)
    async with serving_sound(config) as doors:
        address = doors.vosk_address if path == "/" else doors.address
        async with connect(f"ws://{address}{path}") as peer:
            await peer.send(f'{{ "config" : {{ "sample_rate" : {rate} }} }}')
            frames = pieces(tone(3.0) + silence(0.4), 6400)
            replies = [await ask(peer, frame) for frame in frames]
            last = await ask(peer, '{"eof" : 1}')
            with pytest.raises(ConnectionClosed):
                await peer.recv()
    assert all(("partial" in reply) != ("text" in reply) for reply in replies)
    texts = [reply["text"] for reply in [*replies, last] if reply.get("text")]
    assert texts == [WORDS, "word5 word6"]
    assert any(reply.get("partial") == "word1 word2" for reply in replies)
    first = next(reply for reply in replies if "text" in reply)
    assert [word["word"] for word in first["result"]] == WORDS.split()
    assert first["result"][0]["start"] < first["result"][-1]["end"] <= 2.1


async def test_vosk_resets_and_translates_and_gives_alternatives() -> None:
    async with serving_sound() as doors:
        async with connect(f"ws://{doors.address}/vosk?text=target") as peer:
            await peer.send('{"config":{"sample_rate":16000,"max_alternatives":2,"words":0}}')
            await ask(peer, tone(1.0))
            reset = await ask(peer, '{"reset":1}')
            assert reset["alternatives"][0]["text"] == "WORD2 WORD1"
            await ask(peer, tone(0.5))
            last = await ask(peer, '{"eof":1}')
            assert last["alternatives"][0]["text"] == "WORD1"


async def test_vosk_without_sound_gives_an_empty_text() -> None:
    async with serving_sound() as doors, connect(f"ws://{doors.address}/vosk") as peer:
        assert await ask(peer, '{"eof":1}') == {"text": ""}


def replay(messages: list[Any]) -> str:
    """The text after changes as simulstream's clients apply them."""
    text = ""
    for message in messages:
        if "new" in message:
            assert text.endswith(message["deleted"])
            text = text[: len(text) - len(message["deleted"])] + message["new"]
    return text


async def read_stream(peer: ClientConnection, sound: bytes) -> list[Any]:
    await peer.send('{"sample_rate":16000,"source_lang":"en","target_lang":"de"}')
    frames = pieces(sound, 3200)
    for frame in [*frames, frames[-1]]:  # its client sends the last piece twice
        await peer.send(frame)
    await peer.send('{"end_of_stream": true}')
    messages = []
    while (message := json.loads(await peer.recv())) != {"end_of_processing": True}:
        messages.append(message)
    return messages


async def test_simulstream_gets_changes_and_may_send_the_next_stream() -> None:
    async with serving_sound() as doors, connect(f"ws://{doors.address}/simulstream") as peer:
        for _ in range(2):
            messages = await read_stream(peer, tone(3.0))
            assert sorted(replay(messages).split()) == sorted(
                ["WORD1", "WORD2", "WORD3", "WORD4", "WORD5", "WORD6"]
            )
            assert any(message["deleted"] for message in messages)


async def test_simulstream_may_send_minutes_at_once_and_loses_nothing() -> None:
    config = ServerConfig(address="127.0.0.1:0", send_timeout_s=60)
    async with serving_sound(config) as doors:
        async with connect(f"ws://{doors.address}/simulstream", ping_timeout=None) as peer:
            text = replay(await read_stream(peer, tone(180.0)))
    assert len(set(text.split())) == 360


def start_of(tag: str, endpoint: str, encoding: str = "l16") -> str:
    return json.dumps(
        {
            "event": "start",
            "start": {
                "tag": tag,
                "mediaFormat": {"encoding": encoding, "sampleRate": "16000", "channels": "1"},
                "customParameters": {"endpointId": endpoint},
            },
        }
    )


def media(tag: str, chunk: int, payload: bytes) -> str:
    return json.dumps(
        {
            "event": "media",
            "media": {
                "tag": tag,
                "chunk": str(chunk),
                "timestamp": str(960 * chunk),
                "payload": base64.b64encode(payload).decode(),
            },
        }
    )


async def finals_by_participant(peer: ClientConnection, n: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while len(found) < n:
        message = json.loads(await peer.recv())
        if not message.get("is_interim", True):
            found[message["participant"]["id"]] = message
    return found


async def test_a_meeting_with_two_participants_gives_finals_for_both() -> None:
    async with serving_sound() as doors:
        url = f"ws://{doors.address}/transcribe?sessionId=room&sendBack=true&sendBackInterim=true"
        async with connect(url) as peer:
            assert await ask(peer, '{"event":"ping","id":7}') == {"event": "pong", "id": 7}
            await peer.send(start_of("111-a0", "alice", "opus"))
            await peer.send(start_of("222-a0", "bob"))
            for chunk, (one, two) in enumerate(
                zip(opus_packets(2.1), pieces(tone(2.1), 640), strict=False)
            ):
                await peer.send(media("111-a0", chunk, one))
                await peer.send(media("222-a0", chunk, two))
            finals = await finals_by_participant(peer, 2)
    assert set(finals) == {"alice", "bob"}
    bob = finals["bob"]
    assert bob["transcript"] == [{"text": WORDS, "confidence": 1.0}]
    assert bob["participant"] == {"id": "bob", "tag": "222-a0"}
    assert (bob["type"], bob["event"], bob["language"]) == (
        "transcription-result",
        "transcription-result",
        "en",
    )


async def test_a_participant_too_many_is_not_heard_and_the_others_are() -> None:
    config = ServerConfig(address="127.0.0.1:0", max_sessions=1)
    async with serving_sound(config) as doors:
        async with connect(f"ws://{doors.address}/transcribe") as peer:
            await peer.send(start_of("1", "alice"))
            await peer.send(start_of("2", "bob"))
            await peer.send(media("2", 0, tone(2.0)))
            await peer.send(media("1", 0, tone(2.0)))
            assert set(await finals_by_participant(peer, 1)) == {"alice"}


async def test_jitsi_gets_the_translations_that_it_asked_for() -> None:
    async with serving_sound() as doors:
        async with connect(f"ws://{doors.address}/translate?sendBackInterim=false") as peer:
            await peer.send(start_of("1", "alice"))
            await peer.send(start_of("2", "bob"))
            await peer.send('{"event":"sources","exports":["1","2"],"requests":["2.de","1.fr"]}')
            await peer.send(media("1", 0, tone(2.0)))
            await peer.send(media("2", 0, tone(2.0)))
            message = json.loads(await peer.recv())
    assert message["type"] == "realtime-translation-result"
    assert message["participant"]["id"] == "bob"
    assert (message["language"], message["is_interim"]) == ("de", False)


async def test_a_participant_who_falls_silent_gets_the_last_sentence_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "SILENCE_S", 0.1)
    async with serving_sound(make_reader=Endpointing) as doors:
        async with connect(f"ws://{doors.address}/transcribe") as peer:
            await peer.send(start_of("1", "alice"))
            await peer.send(media("1", 0, tone(0.6)))
            finals = await finals_by_participant(peer, 1)
    assert finals["alice"]["transcript"][0]["text"] == "word1"


async def test_whisperlivekit_gets_the_whole_state_and_an_end() -> None:
    async with serving_sound() as doors, connect(f"ws://{doors.address}/asr") as peer:
        config = json.loads(await peer.recv())
        assert config == {"type": "config", "useAudioWorklet": True, "mode": "full"}
        for piece in pieces(tone(3.0), 3200):
            await peer.send(piece)
        await peer.send(b"")
        states = []
        while (message := json.loads(await peer.recv())) != {"type": "ready_to_stop"}:
            states.append(message)
    assert {state["status"] for state in states} == {"active_transcription"}
    assert [line["text"] for line in states[-1]["lines"]] == [WORDS, "word5 word6"]
    assert states[-1]["lines"][0]["translation"] == "WORD4 WORD3 WORD2 WORD1"
    assert states[-1]["lines"][1]["start"] == "0:00:02"
    assert any(state["buffer_transcription"] for state in states)


async def translate(address: str, **fields: Any) -> Any:
    body = json.dumps({"source": "en", "target": "de", **fields}).encode()
    headers = {"Content-Type": "application/json"}
    return await request(address, "/translate", method="POST", body=body, headers=headers)


async def test_libretranslate_translates_json_forms_and_lists() -> None:
    async with serving_sound() as doors:
        answer = await translate(doors.address, q="good morning\nhow are you?", format="text")
        assert answer.json() == {"translatedText": "MORNING GOOD\nYOU? ARE HOW"}
        answer = await translate(doors.address, q=["good", "bad"], source="auto")
        assert answer.json() == {"translatedText": ["GOOD", "BAD"]}
        body = urlencode({"q": "good morning", "source": "en", "target": "de"}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await request(
            doors.address, "/translate", method="POST", body=body, headers=headers
        )
        assert answer.json() == {"translatedText": "MORNING GOOD"}
        languages = (await request(doors.address, "/languages")).json()
        assert languages[0] == {"code": "en", "name": "English", "targets": ["de"]}


async def test_libretranslate_takes_the_translator_of_the_language_that_is_named() -> None:
    of_each = {
        lang: FakeTranslator(policy, lang) for lang, policy in (("en", upper), ("fr", fickle))
    }
    translator = MultilingualTranslator(of_each, target_lang="de")
    async with serving_sound(translator=translator) as doors:
        answer = await translate(doors.address, q="good morning", source="en")
        assert answer.json() == {"translatedText": "GOOD MORNING"}
        answer = await translate(doors.address, q="bon jour", source="fr")
        assert answer.json() == {"translatedText": "JOUR BON"}
        unknown = await translate(doors.address, q="good morning", source="auto")
        assert (unknown.status, unknown.json()) == (400, {"error": "auto is not supported"})
        languages = (await request(doors.address, "/languages")).json()
        assert [language["code"] for language in languages] == ["en", "fr", "de"]


async def test_pages_that_may_connect_may_read_translations() -> None:
    config = ServerConfig(address="127.0.0.1:0", origins=("https://example.org",))
    async with serving_sound(config) as doors:
        for origin, shared in (("https://example.org", True), ("https://example.net", False)):
            headers = {"Origin": origin}
            for method in ("OPTIONS", "GET"):
                answer = await request(doors.address, "/languages", method=method, headers=headers)
                found = answer.headers.get("Access-Control-Allow-Origin")
                assert found == (origin if shared else None)
                assert answer.status == (204 if method == "OPTIONS" else 200)


async def test_libretranslate_says_what_is_wrong() -> None:
    config = ServerConfig(address="127.0.0.1:0", token="s3cret", max_requests_per_minute=2)
    async with serving_sound(config) as doors:
        assert (await translate(doors.address, q="x")).status == 401
        assert (await translate(doors.address, q="x", api_key="s3cret")).status == 200
        wrong = await translate(doors.address, q="x", target="fr", api_key="s3cret")
        assert (wrong.status, wrong.json()) == (400, {"error": "fr is not supported"})
        assert (await translate(doors.address, q="x", api_key="s3cret")).status == 429
        assert (await translate(doors.address, q=7)).status == 400
        assert (await request(doors.address, "/translate", method="POST", body=b"{")).status == 400
        assert (await request(doors.address, "/translate")).status == 405
