"""Outlets as the settings ask for them, and what happens when one fails."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app import config
from app.feeds.from_settings import make_outlets
from app.feeds.outlets import OutletError, delivering
from engine.captions import Caption
from engine.fanout import Fanout
from tests.app.fakes import caption, finals


def test_settings_name_the_outlets_and_hide_their_secrets() -> None:
    settings = config.load(
        None,
        {
            "mqtt": {"url": "mqtt://sign:s3cret@localhost"},
            "push": {
                "zoom": "https://zoom.example/closedcaption?id=s3cret",
                "youtube": "https://youtube.example/closedcaption?cid=s3cret",
                "obs": "localhost:4455",
            },
        },
    )
    names = [outlet.name for outlet in make_outlets(settings)]
    assert names == ["MQTT broker localhost:1883", "Zoom", "YouTube", "OBS at localhost:4455"]


@pytest.mark.parametrize(
    "push", [{"zoom": "s3cret"}, {"youtube": "ftp://s3cret"}, {"obs": "localhost"}]
)
def test_a_bad_address_is_refused_without_showing_it(push: dict[str, object]) -> None:
    with pytest.raises(config.ConfigError, match="must be") as refused:
        config.load(None, {"push": push})
    assert "s3cret" not in str(refused.value)


class Sink:
    """An outlet that may fail after some captions."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self.taken: list[int] = []
        self._error = error

    async def run(self, captions: AsyncIterator[Caption]) -> None:
        async for item in captions:
            if self._error is not None:
                raise self._error
            self.taken.append(item.seq)


async def test_an_outlet_that_fails_costs_the_others_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fanout = Fanout()
    good, bad = Sink("good"), Sink("bad", OutletError("no more"))
    async with delivering([good, bad], fanout):
        for item in finals(3):
            fanout.publish(item)
            await asyncio.sleep(0)
        fanout.close()
    assert good.taken == [0, 1, 2]
    assert [record.getMessage() for record in caplog.records] == ["bad gets no captions: no more"]


async def test_an_outlet_that_is_late_is_left_after_a_while(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck(Sink):
        async def run(self, captions: AsyncIterator[Caption]) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr("app.feeds.outlets.DRAIN_S", 0.05)
    fanout = Fanout()
    async with delivering([Stuck("stuck")], fanout):
        fanout.publish(caption(0, final=True))
        fanout.close()
    assert "stuck did not take the last captions" in caplog.text
