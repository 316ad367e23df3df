"""Live streams for a load test: real speech, paced by the clock, through a server's `/audio`."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from engine.audio import SAMPLE_RATE_HZ, Samples
from engine.captions import Caption

CHUNK_S = 0.1
LAST_CAPTIONS_S = 300.0
"""How long a stream waits for its last captions, however late the server is."""


class LoadTestError(RuntimeError):
    """The server did not do what it has to."""


@dataclass(slots=True)
class Heard:
    """What one stream got back."""

    session: str = ""
    finals: list[int] = field(default_factory=list)
    """Their numbers, in the order in which they came."""
    lags_s: list[float] = field(default_factory=list)
    """Of every caption, from its last sound having been sent to its arrival."""
    final_lags_s: list[float] = field(default_factory=list)
    """Those of the finals alone."""
    states: list[str] = field(default_factory=list)
    """How the session kept up, caption by caption."""


async def run_streams(address: str, sound: Samples, n_streams: int, seconds: float) -> list[Heard]:
    """Send so many streams at once, and wait for the last caption of each.

    Every stream begins at another place of the sound and at another moment of a second, as
    speakers do who know nothing of one another.

    Args:
        address: HOST:PORT of the server.
        sound: 16 kHz, repeated as long as it is needed.
        n_streams: how many.
        seconds: how long each of them speaks.

    Raises:
        LoadTestError: a stream was refused, or its last captions did not come.
        OSError: the server cannot be reached.
        ConnectionClosed: it closed a stream.
    """
    pcm = (np.clip(sound, -1.0, 1.0) * 32767).astype("<i2")
    offsets = [round(len(pcm) * index / n_streams) for index in range(n_streams)]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(
                _run_stream(address, np.roll(pcm, -offset), seconds, delay_s=index / n_streams)
            )
            for index, offset in enumerate(offsets)
        ]
    return [task.result() for task in tasks]


async def _run_stream(
    address: str, pcm: np.ndarray[tuple[int], np.dtype[np.int16]], seconds: float, delay_s: float
) -> Heard:
    heard = Heard()
    async with connect(f"ws://{address}/audio", compression=None, proxy=None) as peer:
        await peer.send('{"type":"start"}')
        ready = json.loads(await peer.recv())
        if ready.get("type") != "ready":
            raise LoadTestError(f"a stream was not begun: {ready}")
        heard.session = ready["session"]
        await asyncio.sleep(delay_s)
        begin = time.monotonic()
        listening = asyncio.create_task(_listen(peer, begin, heard))
        await _speak(peer, begin, pcm, seconds)
        try:
            await asyncio.wait_for(listening, LAST_CAPTIONS_S)
        except TimeoutError as error:
            raise LoadTestError(f"session {heard.session}: the end did not come") from error
    return heard


async def _speak(
    peer: ClientConnection,
    begin: float,
    pcm: np.ndarray[tuple[int], np.dtype[np.int16]],
    seconds: float,
) -> None:
    n_chunk = round(CHUNK_S * SAMPLE_RATE_HZ)
    for number in range(round(seconds / CHUNK_S)):
        due = begin + (number + 1) * CHUNK_S  # when its last sample has been spoken
        await asyncio.sleep(max(due - time.monotonic(), 0.0))
        first = number * n_chunk % len(pcm)
        chunk = np.take(pcm, range(first, first + n_chunk), mode="wrap")
        await peer.send(chunk.tobytes())
    await peer.send('{"type":"end"}')


async def _listen(peer: ClientConnection, begin: float, heard: Heard) -> None:
    async for message in peer:
        now = time.monotonic()
        if json.loads(message).get("type") == "end":
            return
        caption = Caption.from_json(message)
        lag_s = max(now - (begin + caption.end_s), 0.0)
        heard.lags_s.append(lag_s)
        if caption.live is not None and caption.live.load is not None:
            heard.states.append(str(caption.live.load))
        if caption.final:
            heard.finals.append(caption.seq)
            heard.final_lags_s.append(lag_s)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent are not above; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]
