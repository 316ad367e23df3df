"""Stream captions of OBS, against a server that speaks obs-websocket."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve

from app.feeds.backoff import Backoff
from app.feeds.obs import ObsOutlet
from app.feeds.outlets import OutletError, delivering
from app.protocols.obs import MAX_CAPTION_BYTES, ObsError, caption_texts, identify, outcome
from engine.fanout import Fanout
from tests.app.fakes import caption, finals


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class Obs:
    """OBS with a password; streaming or not."""

    def __init__(self, *, streaming: bool = True) -> None:
        self.streaming = streaming
        self.shown: list[str] = []
        self.changed = asyncio.Event()

    async def handle(self, connection: ServerConnection) -> None:
        authentication = {"challenge": "abc", "salt": "def"}
        hello = {"obsWebSocketVersion": "5.5.0", "rpcVersion": 1, "authentication": authentication}
        await connection.send(json.dumps({"op": 0, "d": hello}))
        message = json.loads(await connection.recv())
        assert message["op"] == 1
        if message["d"].get("authentication") != digest(digest("s3cretdef") + "abc"):
            await connection.close(4009, "Authentication failed.")
            return
        await connection.send(json.dumps({"op": 2, "d": {"negotiatedRpcVersion": 1}}))
        async for text in connection:
            await connection.send(json.dumps({"op": 7, "d": self._answer(json.loads(text))}))
            self.changed.set()

    def _answer(self, message: Any) -> dict[str, Any]:
        assert message["op"] == 6
        data = message["d"]
        assert data["requestType"] == "SendStreamCaption"
        if self.streaming:
            self.shown.append(data["requestData"]["captionText"])
        status = {"result": self.streaming, "code": 100 if self.streaming else 501}
        return {
            "requestType": data["requestType"],
            "requestId": data["requestId"],
            "requestStatus": status,
        }

    async def until_shown(self, n: int) -> None:
        while len(self.shown) < n:
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def running(obs: Obs, port: int = 0) -> AsyncIterator[str]:
    async with serve(obs.handle, "127.0.0.1", port) as server:
        yield f"127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def test_finals_are_shown_over_a_restart_of_obs() -> None:
    obs = Obs()
    fanout = Fanout()
    async with running(obs) as address:
        outlet = ObsOutlet(address, "s3cret", Backoff(0.01, 0.01))
        delivery = delivering([outlet], fanout)
        await delivery.__aenter__()
        fanout.publish(caption(0, target=("noch", "offen")))
        fanout.publish(caption(1, revision=1, final=True, target=("Ä 0", "")))
        await obs.until_shown(1)
    for item in finals(3, first=1):
        fanout.publish(item)
    async with running(obs, int(address.rpartition(":")[2])):
        await obs.until_shown(4)
        fanout.close()
        await delivery.__aexit__(None, None, None)
    assert obs.shown == ["Ä 0", *["guten Morgen"] * 3]


async def test_while_obs_does_not_stream_captions_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    obs = Obs(streaming=False)
    fanout = Fanout()
    async with running(obs) as address, delivering([ObsOutlet(address, "s3cret")], fanout):
        fanout.publish(caption(0, final=True))
        await obs.changed.wait()
        fanout.close()
    assert not caplog.records


async def test_a_final_that_is_too_long_for_obs_comes_in_pieces() -> None:
    obs = Obs()
    fanout = Fanout()
    text = " ".join(f"Wort{number}" for number in range(40))
    async with running(obs) as address, delivering([ObsOutlet(address, "s3cret")], fanout):
        fanout.publish(caption(0, final=True, target=(text, "")))
        await obs.until_shown(3)
        fanout.close()
    assert " ".join(obs.shown) == text


@given(st.text())
def test_pieces_lose_no_word_and_none_is_cut_off(text: str) -> None:
    pieces = caption_texts(text)
    assert " ".join(pieces).split() == text.split()
    for piece in pieces:
        assert " " not in piece or len(piece.encode("utf-8", "replace")) <= MAX_CAPTION_BYTES


@pytest.mark.parametrize(
    ("password", "reason"), [(None, "asks for a password"), ("wr0ng", "does not accept")]
)
async def test_without_the_password_there_is_one_clear_error(
    password: str | None, reason: str
) -> None:
    async with running(Obs()) as address:
        with pytest.raises(OutletError, match=reason):
            await ObsOutlet(address, password).run(Fanout().subscribe())


@given(st.text() | st.binary())
def test_what_is_not_from_obs_is_one_kind_of_error(message: str | bytes) -> None:
    for read in (outcome, lambda text: identify(text, "x")):
        with pytest.raises(ObsError):
            read(message)
