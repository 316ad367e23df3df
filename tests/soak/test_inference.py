"""The keepalive trap: a worker that is busy for longer than a ping may take."""

import json
import time
from collections.abc import Sequence
from functools import partial

from websockets.asyncio.client import connect

from app.server.config import ServerConfig
from engine.translator import Hypothesis
from tests.app.server.sound import finals_of, serving_sound, start, to_end, tone
from tests.fakes import upper

INFERENCE_S = 3.0
PING_S = 0.5
N_STREAMS = 4


def slow(words: Sequence[str], finished: bool, committed: tuple[str, ...]) -> Hypothesis:
    time.sleep(INFERENCE_S)
    return upper(words, finished, committed)


async def test_inference_of_3_s_closes_nobodys_connection() -> None:
    config = ServerConfig(address="127.0.0.1:0", ping_s=PING_S)
    pinging = partial(connect, ping_interval=PING_S, ping_timeout=PING_S)
    async with serving_sound(config, translate=slow) as doors:
        url = f"ws://{doors.address}"
        peers = [await pinging(f"{url}/audio") for _ in range(N_STREAMS)]
        viewer = await pinging(f"{url}/captions")
        begun_s = time.monotonic()
        for peer in peers:
            await start(peer)
            await peer.send(tone(1.0))
        finals = [finals_of(await to_end(peer)) for peer in peers]
        taken_s = time.monotonic() - begun_s
        assert json.loads(await viewer.recv())["type"] == "snapshot"
        assert all(finals)
        ping_s = await (await viewer.ping())
        await viewer.close()
    print(
        f"\n{N_STREAMS} streams, each inference {INFERENCE_S:.0f} s, pings every {PING_S} s that "
        f"may take {PING_S} s: {taken_s:.0f} s, nobody closed; a ping took {1000 * ping_s:.1f} ms"
    )
    assert taken_s > 2 * INFERENCE_S
