"""A broker that is stopped for 30 s, or killed again and again, while captions are made."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from app.feeds.backoff import Backoff
from app.feeds.mqtt import MqttConfig, MqttOutlet
from app.feeds.outlets import delivering
from engine.captions import Caption
from engine.fanout import Fanout
from tests.app.fakes import finals
from tests.app.feeds.broker import Broker

N_FINALS = 40


class Sign:
    """A subscriber that comes back whenever the broker does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.seqs: list[int] = []
        self.listens = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def twice(self) -> list[int]:
        return sorted({seq for seq in self.seqs if self.seqs.count(seq) > 1})

    async def run(self) -> None:
        client = aiomqtt.Client(
            "127.0.0.1", self._port, identifier="sign", clean_session=False, keepalive=120
        )
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with client:
                    await client.subscribe("dragoman/+/caption/+/final", qos=1)
                    self.listens.set()
                    async for message in client.messages:
                        self.seqs.append(Caption.from_json(message.payload).seq)
                        self._changed.set()
            await asyncio.sleep(0.1)

    async def until_shown(self, seq: int) -> None:
        async with asyncio.timeout(60):
            while seq not in self.seqs:
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def watched(broker: Broker) -> AsyncIterator[tuple[Fanout, Sign]]:
    fanout, sign = Fanout(), Sign(broker.port)
    watching = asyncio.create_task(sign.run())
    outlet = MqttOutlet(MqttConfig(url=broker.url), backoff=Backoff(0.1, 1.0))
    try:
        await sign.listens.wait()
        async with delivering([outlet], fanout):
            yield fanout, sign
            fanout.close()
    finally:
        watching.cancel()
        broker.kill()


async def test_a_broker_stopped_for_30_s_has_every_final_once(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    broker.start()
    async with watched(broker) as (fanout, sign):
        for item in finals(N_FINALS):
            if item.seq == 5:
                await sign.until_shown(4)
                broker.send(signal.SIGSTOP)  # the next one is sent, and not confirmed
            if item.seq == 35:
                broker.send(signal.SIGCONT)
            fanout.publish(item)
            await asyncio.sleep(1.0)
        await sign.until_shown(N_FINALS - 1)
    print(f"\nbroker stopped for 30 s: {len(sign.seqs)} finals, delivered twice: {sign.twice}")
    assert sign.seqs == list(range(N_FINALS))


@pytest.mark.parametrize("keeps", [True, False], ids=["persistence", "no persistence"])
async def test_a_broker_killed_every_five_seconds_loses_none_that_it_keeps(
    tmp_path: Path, keeps: bool
) -> None:
    broker = Broker(tmp_path, persistence=keeps)
    broker.start()
    async with watched(broker) as (fanout, sign):
        for item in finals(N_FINALS):
            fanout.publish(item)
            if item.seq % 5 == 4:
                broker.kill()
                await asyncio.sleep(0.5)
                broker.start()
            await asyncio.sleep(1.0)
        await sign.until_shown(N_FINALS - 1)
    lost = sorted(set(range(N_FINALS)) - set(sign.seqs))
    kept = "with" if keeps else "without"
    print(f"\nbroker {kept} persistence killed 8 times: lost {lost}, delivered twice {sign.twice}")
    assert not keeps or not lost
