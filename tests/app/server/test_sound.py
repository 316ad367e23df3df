"""The door `/audio`, and what holds for every door that takes sound."""

import asyncio
import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.server.config import ServerConfig
from app.sessions.sound_recording import recording_file
from app.sources.decoding import SoundFile
from engine.audio import AudioChunk
from engine.captions import Caption
from engine.journal import Journal
from engine.multilingual import MultilingualTranslator
from engine.source import SourcePrefix
from engine.translator import Hypothesis
from tests.app.server.serving import IMPATIENT_S, request
from tests.app.server.sound import (
    Endpointing,
    finals_of,
    pieces,
    serving_sound,
    silence,
    start,
    to_end,
    tone,
)
from tests.fakes import FakeTranslator, in_order, upper
from tests.patience import TIMEOUT_S

WORDS = "word1 word2 word3 word4"


async def test_sound_goes_in_and_captions_come_back_and_go_to_viewers() -> None:
    async with serving_sound() as doors:
        async with (
            connect(f"ws://{doors.address}/captions") as viewer,
            connect(f"ws://{doors.address}/audio") as peer,
        ):
            await viewer.recv()
            session = await start(peer)
            for piece in pieces(tone(2.0) + silence(0.5) + tone(1.0), 3200):
                await peer.send(piece)
            captions = in_order(await to_end(peer))
            with pytest.raises(ConnectionClosed):
                await peer.recv()
            assert peer.close_code == 1000
            assert finals_of(captions) == [WORDS, "word5 word6"]
            assert {caption.session for caption in captions} == {session}
            seen = Caption.from_json(await viewer.recv())
            assert seen in captions


async def test_what_is_said_in_a_language_that_is_found_out_is_translated() -> None:
    translator = MultilingualTranslator({"en": FakeTranslator(upper)}, target_lang="de")
    async with (
        serving_sound(translator=translator) as doors,
        connect(f"ws://{doors.address}/audio") as peer,
    ):
        await start(peer)
        await peer.send(tone(2.0))
        captions = await to_end(peer)
    assert [c.target.committed for c in captions if c.final] == [WORDS.upper()]


async def test_many_streams_share_the_workers_and_do_not_mix() -> None:
    threads: set[int] = set()

    def translate(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
        threads.add(threading.get_ident())
        return upper(words, finished, committed)

    async def speak(address: str, seconds: float) -> list[str]:
        async with connect(f"ws://{address}/audio") as peer:
            await start(peer)
            for piece in pieces(tone(seconds), 3200):
                await peer.send(piece)
            return finals_of(in_order(await to_end(peer)))

    async with serving_sound(translate=translate) as doors:
        heard = await asyncio.gather(*(speak(doors.address, 0.5 * n) for n in range(1, 9)))
    assert [sum(len(final.split()) for final in finals) for finals in heard] == list(range(1, 9))
    assert len(threads) <= 2


async def test_sound_is_recorded_beside_the_journal_if_asked_for(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.sqlite3") as journal:
        async with (
            serving_sound(journal=journal, record=True) as doors,
            connect(f"ws://{doors.address}/audio") as peer,
        ):
            session = await start(peer)
            await peer.send(tone(2.0))
            await to_end(peer)
        with SoundFile(recording_file(journal.path, session)) as file:
            assert len(file.read(10 * 16_000)) == pytest.approx(2 * 16_000, abs=1600)


@pytest.mark.parametrize("size", [1, 7, 3200, 200_000])
async def test_sound_may_come_in_pieces_of_any_size(size: int) -> None:
    async with (
        serving_sound() as doors,
        connect(f"ws://{doors.address}/audio", ping_timeout=None) as peer,
    ):
        await start(peer)
        sound = tone(0.5) if size == 1 else tone(2.0)
        for piece in pieces(sound, size):
            await peer.send(piece)
        assert finals_of(await to_end(peer)) == ["word1" if size == 1 else WORDS]


@pytest.mark.parametrize(("rate_hz", "n_channels"), [(8_000, 1), (44_100, 2), (48_000, 1)])
async def test_other_rates_and_channels_are_converted(rate_hz: int, n_channels: int) -> None:
    mono = np.frombuffer(tone(2.05, rate_hz), "<i2")
    sound = np.repeat(mono, n_channels).tobytes()
    async with serving_sound() as doors, connect(f"ws://{doors.address}/audio") as peer:
        await start(peer, rate_hz=rate_hz, channels=n_channels)
        for piece in pieces(sound, 9600):
            await peer.send(piece)
        assert finals_of(await to_end(peer)) == [WORDS]


def opus_packets(seconds: float) -> list[bytes]:
    context = av.CodecContext.create("libopus", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format = 48_000, "mono", "s16"
    packets = []
    for piece in pieces(tone(seconds, 48_000), 2 * 960):
        frame = av.AudioFrame.from_ndarray(np.frombuffer(piece, "<i2")[None], "s16", "mono")
        frame.sample_rate = 48_000
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


async def test_opus_is_decoded() -> None:
    async with serving_sound() as doors, connect(f"ws://{doors.address}/audio") as peer:
        await start(peer, encoding="opus", rate_hz=48_000)
        for packet in opus_packets(2.1):
            await peer.send(packet)
        assert finals_of(await to_end(peer)) == [WORDS]


START = json.dumps({"type": "start"})


async def test_the_next_stream_is_refused_while_the_others_go_on() -> None:
    config = ServerConfig(address="127.0.0.1:0", max_sessions=2)
    async with serving_sound(config) as doors:
        url = f"ws://{doors.address}/audio"
        async with connect(url) as one, connect(url) as two:
            await start(one)
            await start(two)
            with pytest.raises(InvalidStatus) as refused:
                await connect(url)
            assert refused.value.response.status_code == 503
            assert (await request(doors.address, "/health")).json()["status"] == "full"
            await one.send(tone(2.0))
            assert finals_of(await to_end(one)) == [WORDS]
        async with connect(url) as three:
            await start(three)


async def test_two_that_start_at_once_may_find_one_place_only() -> None:
    config = ServerConfig(address="127.0.0.1:0", max_sessions=1)
    async with serving_sound(config) as doors:
        url = f"ws://{doors.address}/audio"
        async with connect(url) as one, connect(url) as two:
            await start(one)
            await two.send(START)
            with pytest.raises(ConnectionClosed):
                await two.recv()
            assert two.close_code == 1013


async def test_a_silent_peer_is_closed() -> None:
    config = ServerConfig(address="127.0.0.1:0", idle_timeout_s=IMPATIENT_S)
    async with serving_sound(config) as doors:
        async with connect(f"ws://{doors.address}/audio") as peer:
            await start(peer)
            with pytest.raises(ConnectionClosed):
                await peer.recv()
            assert peer.close_code == 1008


async def send_nothing(peer: ClientConnection) -> None:
    """Send empty messages for as long as the connection lasts."""
    with suppress(ConnectionClosed):
        while True:
            await peer.send(b"")
            await asyncio.sleep(0.01)


async def test_empty_messages_do_not_hold_a_sentence_open() -> None:
    async with (
        serving_sound(make_reader=Endpointing) as doors,
        connect(f"ws://{doors.address}/audio") as peer,
        asyncio.timeout(TIMEOUT_S),
    ):
        await start(peer)
        await peer.send(tone(1.0))
        sending = asyncio.create_task(send_nothing(peer))
        while not Caption.from_json(await peer.recv()).final:
            pass
        sending.cancel()


async def test_empty_messages_do_not_hold_a_connection_open() -> None:
    config = ServerConfig(address="127.0.0.1:0", idle_timeout_s=IMPATIENT_S)
    async with (
        serving_sound(config) as doors,
        connect(f"ws://{doors.address}/audio") as peer,
        asyncio.timeout(TIMEOUT_S),
    ):
        await start(peer)
        await send_nothing(peer)
        assert peer.close_code == 1008


async def test_a_peer_that_vanishes_leaves_its_last_sentence_in_the_journal(
    tmp_path: Path,
) -> None:
    with Journal.open(tmp_path / "journal.sqlite3") as journal:
        async with serving_sound(journal=journal) as doors:
            peer = await connect(f"ws://{doors.address}/audio")
            session = await start(peer)
            await peer.send(tone(1.0))
            Caption.from_json(await peer.recv())
            peer.transport.abort()
        kept = in_order(journal.captions(session))
        assert kept[-1].final
        assert journal.sessions()[0].state == "ended"


async def test_a_failing_model_closes_its_stream_without_a_trace_to_the_peer() -> None:
    class Broken:
        def accept(self, item: AudioChunk) -> list[SourcePrefix]:
            raise RuntimeError("secret detail")

        def finish(self) -> list[SourcePrefix]:
            return []

    async with serving_sound(make_reader=Broken) as doors:
        async with connect(f"ws://{doors.address}/audio") as peer:
            await start(peer)
            await peer.send(tone(1.0))
            with pytest.raises(ConnectionClosed):
                await peer.recv()
            assert (peer.close_code, peer.close_reason) == (1011, "internal error")


async def test_a_server_that_ends_finishes_every_stream() -> None:
    async with serving_sound() as doors:
        peer = await connect(f"ws://{doors.address}/audio")
        await start(peer)
        await peer.send(tone(1.0))
        await peer.recv()
    captions = []
    while (message := json.loads(await peer.recv())).get("type") != "end":
        captions.append(Caption.from_dict(message))
    assert captions[-1].final
    await peer.close()
