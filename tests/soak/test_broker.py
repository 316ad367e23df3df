"""A broker that is stopped for 30 s while captions are made."""

import asyncio
import signal
from pathlib import Path

import aiomqtt

from app.feeds.mqtt import MqttConfig, MqttOutlet
from app.feeds.outlets import delivering
from engine.fanout import Fanout
from tests.app.fakes import finals
from tests.app.feeds.broker import Broker
from tests.app.feeds.test_mqtt import take

N_FINALS = 40


async def test_a_broker_stopped_for_30_s_has_every_final(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    broker.start()
    fanout = Fanout()
    try:
        async with (
            aiomqtt.Client("127.0.0.1", broker.port, keepalive=120) as client,
            delivering([MqttOutlet(MqttConfig(url=broker.url))], fanout),
        ):
            await client.subscribe("dragoman/#", qos=1)
            for item in finals(N_FINALS):
                if item.seq == 5:
                    broker.send(signal.SIGSTOP)
                if item.seq == 35:
                    broker.send(signal.SIGCONT)
                fanout.publish(item)
                await asyncio.sleep(1.0)
            found: list[int] = []
            n_twice = 0
            async with asyncio.timeout(60):
                while len(found) < N_FINALS:
                    (caption,) = await take(client, 1)
                    n_twice += caption.seq in found
                    found += [caption.seq] if caption.seq not in found else []
            fanout.close()
    finally:
        broker.kill()
    print(f"\nbroker stopped for 30 s: {N_FINALS} finals, in order, {n_twice} delivered twice")
    assert found == list(range(N_FINALS))
