"""A server that publishes captions of a session nobody speaks in, until it is killed."""

import argparse
import asyncio
import time
from dataclasses import replace
from pathlib import Path

from app.server.captions import Published
from app.server.config import ServerConfig
from app.server.feed import feed_routes, serve_feed
from app.server.history import History
from app.server.stats import ServerStats
from engine.captions import Caption
from engine.journal import Journal
from tests.app.fakes import caption

SEGMENT_S = 1.0
REVISIONS = 5
SENTENCE = "und so spricht jemand, ohne Luft zu holen, den ganzen Abend lang weiter"


async def main(journal: Journal | None, *, silent: bool) -> None:
    config = ServerConfig(address="127.0.0.1:0", max_viewers=250)
    stats = ServerStats()
    published = Published(History(journal), stats)
    routes = feed_routes(published, config, stats)
    async with serve_feed(routes, published, config, stats) as address:
        print(address, flush=True)
        if silent:
            await asyncio.Event().wait()
        published.begin("soak")
        if journal is not None:
            journal.begin_session("soak", source_lang="en", target_lang="de")
        await speak(published, journal)


async def speak(published: Published, journal: Journal | None) -> None:
    begin_s = time.monotonic()
    seq = 0
    while True:
        segment, revision = divmod(seq, REVISIONS + 1)
        due_s = begin_s + SEGMENT_S * (segment + revision / (REVISIONS + 1))
        await asyncio.sleep(max(due_s - time.monotonic(), 0))
        made = make(seq, segment, revision)
        if journal is not None:
            await asyncio.to_thread(journal.append, made)
        published.publish(replace(made, emitted_s=time.monotonic()))
        seq += 1


def make(seq: int, segment: int, revision: int) -> Caption:
    final = revision == REVISIONS
    text = SENTENCE[: 12 * (revision + 1)]
    made = caption(
        seq, segment, revision, target=(text, "") if final else ("", text), final=final,
        session="soak",
    )  # fmt: skip
    return replace(made, emitted_s=time.monotonic())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--silent", action="store_true")
    arguments = parser.parse_args()
    kept = Journal.open(arguments.journal) if arguments.journal else None
    asyncio.run(main(kept, silent=arguments.silent))
