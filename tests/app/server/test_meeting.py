"""A meeting as Jitsi's bridge sends it, recorded speech of two participants, the shipped models."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import av
from websockets.asyncio.client import ClientConnection, connect

from app import config
from app.models.registry import ASSETS
from app.server.doors import open_doors
from app.server.serve import load_engine
from app.server.stats import Stages
from engine.workers import Workers
from tests.app.server.serving import LOOPBACK
from tests.app.server.test_protocols import media, start_of
from tests.patience import TIMEOUT_S

PACKET_S = 0.02
SPOKEN_S = 10.0
BEGINS_S = {"alice": 0.0, "bob": 15.6}  # in the recording, at the start of a sentence
LINES = {"alice": slice(0, 2), "bob": slice(3, 5)}  # of its transcript


def packets(begin_s: float) -> Iterator[bytes]:
    """Opus packets of the demo recording, as a participant's browser sends them."""
    with av.open(str(ASSETS / "demo.opus")) as recording:
        for packet in recording.demux(audio=0):
            time_s = 0.0 if packet.pts is None else packet.pts / 48_000
            if packet.size and begin_s <= time_s < begin_s + SPOKEN_S:
                yield bytes(packet)


async def speak(peer: ClientConnection) -> None:
    for tag, name in enumerate(BEGINS_S):
        await peer.send(start_of(str(tag), name, "opus"))
    speech = zip(*map(packets, BEGINS_S.values()), strict=False)
    for chunk, both in enumerate(speech):
        for tag, packet in enumerate(both):
            await peer.send(media(str(tag), chunk, packet))
        await asyncio.sleep(0)


async def test_both_participants_of_a_recorded_meeting_get_what_they_said(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("")
    settings = config.load(file, {"run": {"device": "cpu"}})
    heard: dict[str, list[str]] = {name: [] for name in BEGINS_S}
    with Workers(1) as workers:
        async with open_doors(load_engine(settings, "cpu", workers, Stages()), LOOPBACK) as doors:
            async with connect(f"ws://{doors.address}/transcribe?sendBackInterim=false") as peer:
                speaking = asyncio.create_task(speak(peer))
                async with asyncio.timeout(TIMEOUT_S):
                    while not all(len(finals) >= 2 for finals in heard.values()):
                        message = json.loads(await peer.recv())
                        text = message["transcript"][0]["text"]
                        heard[message["participant"]["id"]] += [text] if text else []
                await speaking
    lines = (ASSETS / "demo.en.txt").read_text(encoding="utf-8").splitlines()
    for name, finals in heard.items():
        shares = {other: share(finals, lines[span]) for other, span in LINES.items()}
        assert shares[name] > 0.3, finals
        assert shares[name] == max(shares.values()), "not mixed up"


def share(heard: list[str], said: list[str]) -> float:
    """Of the words that were said, how many are in what was heard."""
    words = set(" ".join(said).split())
    return len(words & set(" ".join(heard).split())) / len(words)
