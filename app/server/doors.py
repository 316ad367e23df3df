"""Every door of `dragoman serve`: one engine behind them all."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from app.protocols.own import OwnProtocol
from app.server.captions import Published
from app.server.config import ServerConfig
from app.server.feed import feed_routes, serve_feed
from app.server.history import History
from app.server.server import Door
from app.server.sessions import Engine, Sessions
from app.server.sound import SoundDoor
from app.server.stats import ServerStats
from engine.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDoors:
    """A server that is up."""

    address: str
    """HOST:PORT."""
    published: Published
    """Where captions from elsewhere may be put in, and all captions taken out."""
    sessions: Sessions

    async def finish(self) -> None:
        """Take no new stream, finish those that run, and let everyone know that this was all."""
        await self.sessions.finish()
        self.published.fanout.close()


@contextlib.asynccontextmanager
async def open_doors(
    engine: Engine, config: ServerConfig, *, journal: Journal | None = None
) -> AsyncIterator[OpenDoors]:
    """Serve every protocol while the context lasts.

    On leaving, no new stream is taken, those that run are finished, their last captions are sent,
    and everyone is closed.

    Raises:
        ServerError: it cannot be served at the address of `config`.
    """
    stats = ServerStats()
    published = Published(History(journal), stats)
    sessions = Sessions(engine, published, stats, max_sessions=config.max_sessions, journal=journal)
    feed = feed_routes(published, config, stats)
    routes = replace(feed, doors={**feed.doors, **_sound_doors(sessions, config)})
    async with serve_feed(routes, published, config, stats) as address:
        doors = OpenDoors(address=address, published=published, sessions=sessions)
        try:
            yield doors
        finally:
            await doors.finish()


def _sound_doors(sessions: Sessions, config: ServerConfig) -> dict[str, Door]:
    return {
        "/audio": SoundDoor(lambda _: OwnProtocol(), sessions, config),
    }
