"""Captions over MQTT, and sound back, through a real broker."""

import asyncio
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("aiomqtt")

import aiomqtt

from app.feeds.backoff import Backoff
from app.feeds.mqtt import MqttConfig, MqttError, MqttOutlet
from app.feeds.outlets import delivering
from app.server.microphones import Microphones
from engine.captions import Caption
from engine.fanout import Fanout
from tests.app.certificates import make_certificate
from tests.app.fakes import caption, finals
from tests.app.feeds.broker import MOSQUITTO, Broker
from tests.app.feeds.wire import Packet, wire
from tests.app.server.sound import pieces, serving_sound, tone

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@asynccontextmanager
async def publishing(config: MqttConfig) -> AsyncIterator[Fanout]:
    """Where to publish captions that go to the broker."""
    fanout = Fanout()
    outlet = MqttOutlet(config, backoff=Backoff(0.05, 0.05))
    async with delivering([outlet], fanout):
        yield fanout
        fanout.close()


@asynccontextmanager
async def subscribed(broker: Broker, topic: str = "dragoman/#") -> AsyncIterator[aiomqtt.Client]:
    """A subscriber that the broker remembers while it is not connected."""
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, identifier="test", clean_session=False
    ) as client:
        await client.subscribe(topic, qos=1)
        yield client


async def take(client: aiomqtt.Client, n: int, after: int = -1) -> list[Caption]:
    """The next finals behind `after`, which a broker may deliver again after a kill (QoS 1)."""
    found: list[Caption] = []
    async for message in client.messages:
        if str(message.topic).endswith("/final"):
            caption = Caption.from_json(message.payload)
            if caption.seq > after:
                found.append(caption)
            if len(found) == n:
                break
    return found


async def status(client: aiomqtt.Client, expected: str) -> None:
    async for message in client.messages:
        if str(message.topic) == "dragoman/status" and message.payload.decode() == expected:
            return


async def test_partials_and_finals_have_topics_of_their_own(broker: Broker) -> None:
    async with subscribed(broker) as client:
        async with publishing(MqttConfig(url=broker.url)) as fanout:
            await status(client, "online")
            sent = [caption(0), caption(1, revision=1, final=True)]
            topics = []
            for item in sent:
                fanout.publish(item)
                message = await anext(aiter(client.messages))
                topics.append((str(message.topic), message.qos))
                assert Caption.from_json(message.payload) == item
            assert topics == [
                ("dragoman/test/caption/de/partial", 0),
                ("dragoman/test/caption/de/final", 1),
            ]
        await status(client, "offline")


async def test_finals_made_while_the_broker_was_killed_arrive_after_it_once_and_in_order(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with publishing(MqttConfig(url=broker.url)) as fanout:
        async with subscribed(broker) as client:
            fanout.publish(caption(0, 0, final=True))
            assert [c.seq for c in await take(client, 1)] == [0]
        broker.kill()
        for item in finals(30, first=1):
            fanout.publish(replace(item, final=False))
            fanout.publish(item)
        broker.start()
        async with subscribed(broker) as client:
            assert [c.seq for c in await take(client, 30, after=0)] == list(range(1, 31))
            fanout.publish(caption(31, 31, final=True))
            assert [c.seq for c in await take(client, 1, after=30)] == [31]
    assert sum("is away" in line for line in caplog.messages) == 1


@pytest.mark.parametrize("packet", Packet)
async def test_a_connection_lost_at_any_packet_of_a_final_loses_and_doubles_none(
    broker: Broker, packet: Packet
) -> None:
    async with wire(broker.port, packet) as port, subscribed(broker) as client:
        async with publishing(MqttConfig(url=f"mqtt://127.0.0.1:{port}")) as fanout:
            for item in finals(5):
                fanout.publish(item)
            assert [c.seq for c in await take(client, 5)] == list(range(5))


async def test_a_client_that_dies_is_reported_offline(broker: Broker) -> None:
    program = (
        "import asyncio\n"
        "from app.feeds.mqtt import MqttConfig, MqttOutlet\n"
        "from engine.fanout import Fanout\n"
        f"outlet = MqttOutlet(MqttConfig(url={broker.url!r}))\n"
        "asyncio.run(outlet.run(Fanout().subscribe()))\n"
    )
    async with subscribed(broker, "dragoman/status") as client:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        await status(client, "online")
        process.kill()
        await process.wait()
        await status(client, "offline")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Broker]:
    """A broker that asks for the password `s3cret` of the user `sign`."""
    passwords = tmp_path / "passwords"
    arguments = ["mosquitto_passwd", "-b", "-c", str(passwords), "sign", "s3cret"]
    subprocess.run(arguments, check=True, capture_output=True)
    broker = Broker(tmp_path, "allow_anonymous false", f"password_file {passwords}")
    broker.start()
    yield broker
    broker.kill()


async def test_user_and_password_are_shown_to_the_broker(guarded: Broker) -> None:
    url = guarded.url.replace("mqtt://", "mqtt://sign:s3cret@")
    async with publishing(MqttConfig(url=url)) as fanout:
        async with aiomqtt.Client(
            "127.0.0.1", guarded.port, username="sign", password="s3cret"
        ) as client:
            await client.subscribe("dragoman/#", qos=1)
            fanout.publish(caption(0, final=True))
            assert len(await take(client, 1)) == 1


async def test_a_password_that_is_refused_is_not_in_the_log(
    guarded: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    class OnePause(Backoff):
        def next_s(self) -> float:
            tried.set()
            return 60.0

    tried = asyncio.Event()
    url = guarded.url.replace("mqtt://", "mqtt://sign:wr0ng@")
    running = asyncio.create_task(
        MqttOutlet(MqttConfig(url=url), backoff=OnePause()).run(Fanout().subscribe())
    )
    await tried.wait()
    running.cancel()
    assert "is away" in caplog.text
    assert "wr0ng" not in caplog.text


async def test_tls_is_spoken_with_a_broker_whose_certificate_is_trusted(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    broker = Broker(tmp_path, "allow_anonymous true", f"certfile {certificate}", f"keyfile {key}")
    broker.start()
    url = broker.url.replace("mqtt:", "mqtts:")
    try:
        async with publishing(MqttConfig(url=url, ca_file=certificate)) as fanout:
            trust = ssl.create_default_context(cafile=certificate)
            async with aiomqtt.Client("127.0.0.1", broker.port, tls_context=trust) as client:
                await client.subscribe("dragoman/#", qos=1)
                fanout.publish(caption(0, final=True))
                assert len(await take(client, 1)) == 1
    finally:
        broker.kill()


def numbered(sound: bytes, first: int = 0) -> list[bytes]:
    return [
        number.to_bytes(4, "big") + piece for number, piece in enumerate(pieces(sound, 3200), first)
    ]


async def test_a_microphone_on_the_network_gets_captions(broker: Broker) -> None:
    config = MqttConfig(url=broker.url)
    async with serving_sound() as doors:
        ears = Microphones(config.topic, doors.sessions, idle_timeout_s=60).ears()
        outlet = MqttOutlet(config, ears, Backoff(0.05, 0.05))
        async with subscribed(broker) as client, delivering([outlet], doors.published.fanout):
            await status(client, "online")
            topic = "dragoman/audio/kitchen/s16le/16000"
            chunks = numbered(tone(2.0))
            for chunk in [*chunks[:5], chunks[2], *chunks[5:], chunks[-1][:4]]:
                await client.publish(topic, chunk, qos=1)
            (final,) = await take(client, 1)
            assert final.source.full == "word1 word2 word3 word4"
            doors.published.fanout.close()


async def test_a_device_that_sends_nonsense_disturbs_no_other(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    config = MqttConfig(url=broker.url)
    async with serving_sound() as doors:
        ears = Microphones(config.topic, doors.sessions, idle_timeout_s=60).ears()
        outlet = MqttOutlet(config, ears, Backoff(0.05, 0.05))
        async with subscribed(broker) as client, delivering([outlet], doors.published.fanout):
            await status(client, "online")
            for chunk in numbered(tone(2.0)):
                await client.publish("dragoman/audio/bad/mp3/16000", chunk, qos=1)
                await client.publish("dragoman/audio/worse/s16le/16000", b"\0", qos=1)
                await client.publish("dragoman/audio/good/s16le/16000", chunk, qos=1)
            (final,) = await take(client, 1)
            assert final.source.full == "word1 word2 word3 word4"
            doors.published.fanout.close()
    assert sum("refused" in line for line in caplog.messages) == 2


async def test_a_stopped_broker_that_goes_on_has_every_final(broker: Broker) -> None:
    async with publishing(MqttConfig(url=broker.url)) as fanout, subscribed(broker) as client:
        fanout.publish(caption(0, 0, final=True))
        await take(client, 1)
        broker.send(signal.SIGSTOP)
        for item in finals(5, first=1):
            fanout.publish(item)
        broker.send(signal.SIGCONT)
        assert [c.seq for c in await take(client, 5)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("url", ["localhost", "http://localhost", "mqtt://", "mqtt://u:s3cret@h:x"])
def test_a_bad_address_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(ValueError, match="must be mqtt://HOST:PORT") as refused:
        MqttConfig(url=url)
    assert "s3cret" not in str(refused.value)


def test_certificates_that_are_none_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MqttError, match="no certificates"):
        MqttConfig(url="mqtts://localhost", ca_file=tmp_path / "none.pem").tls()
