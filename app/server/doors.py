"""Every door of `dragoman serve`: one engine behind them all."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from app.protocols.mediajson import MediaJsonProtocol
from app.protocols.own import OwnProtocol
from app.protocols.simulstream import SimulstreamProtocol
from app.protocols.vosk import VoskProtocol
from app.protocols.whisperlivekit import WhisperLiveKitProtocol
from app.server.access import Access
from app.server.captions import Published
from app.server.config import ServerConfig, parse_address
from app.server.feed import feed_routes, serve_feed
from app.server.history import History
from app.server.http import Target
from app.server.server import Door, Routes, Server
from app.server.sessions import Engine, Sessions
from app.server.sound import MakeProtocol, SoundDoor
from app.server.stats import ServerStats
from app.server.translate import translation_pages
from engine.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDoors:
    """A server that is up."""

    address: str
    """HOST:PORT."""
    published: Published
    """Where captions from elsewhere may be put in, and all captions taken out."""
    sessions: Sessions
    vosk_address: str | None = None
    """HOST:PORT of the vosk protocol at the root, if it was asked for."""

    async def finish(self) -> None:
        """Take no new stream, finish those that run, and let everyone know that this was all."""
        await self.sessions.finish()
        self.published.fanout.close()


@contextlib.asynccontextmanager
async def open_doors(
    engine: Engine,
    config: ServerConfig,
    *,
    journal: Journal | None = None,
    record: bool = False,
) -> AsyncIterator[OpenDoors]:
    """Serve every protocol while the context lasts.

    On leaving, no new stream is taken, those that run are finished, their last captions are sent,
    and everyone is closed.

    Args:
        engine: the models.
        config: where, and for whom.
        journal: where captions are kept.
        record: keep the sound beside it.

    Raises:
        ServerError: it cannot be served at the address of `config`.
    """
    stats = ServerStats(stages=engine.stages)
    published = Published(History(journal), stats)
    sessions = Sessions(
        engine,
        published,
        stats,
        max_sessions=config.max_sessions,
        journal=journal,
        record=record,
    )
    feed = feed_routes(published, config, stats)
    access = Access(config.token, config.origins)
    pages = translation_pages(engine, access, per_minute=config.max_requests_per_minute)
    routes = replace(
        feed,
        doors={**feed.doors, **_sound_doors(sessions, config)},
        open_pages={**feed.open_pages, **pages},
    )
    async with contextlib.AsyncExitStack() as stack:
        address = await stack.enter_async_context(serve_feed(routes, published, config, stats))
        vosk = None
        if config.vosk_port is not None:
            server = _vosk_server(sessions, config, stats)
            vosk = await stack.enter_async_context(server.serve())
        doors = OpenDoors(
            address=address, published=published, sessions=sessions, vosk_address=vosk
        )
        try:
            yield doors
        finally:
            await doors.finish()


def _vosk_server(sessions: Sessions, config: ServerConfig, stats: ServerStats) -> Server:
    """Its stock clients know no paths: a port of its own."""
    assert config.address is not None
    host, _ = parse_address(config.address)
    address = f"[{host}]:{config.vosk_port}"  # brackets are for IPv6, and hurt no other host
    routes = Routes(doors={"/": SoundDoor(_vosk, sessions, config)})
    return Server(routes, replace(config, address=address), stats)


def _sound_doors(sessions: Sessions, config: ServerConfig) -> dict[str, Door]:
    protocols: dict[str, MakeProtocol] = {
        "/audio": lambda _: OwnProtocol(),
        "/vosk": _vosk,
        "/simulstream": lambda _: SimulstreamProtocol(),
        "/transcribe": lambda target: _mediajson(target, translate=False),
        "/translate": lambda target: _mediajson(target, translate=True),
        "/asr": lambda _: WhisperLiveKitProtocol(),
    }
    return {path: SoundDoor(make, sessions, config) for path, make in protocols.items()}


def _vosk(target: Target) -> VoskProtocol:
    return VoskProtocol(translated=target.get("text") == "target")


def _mediajson(target: Target, *, translate: bool) -> MediaJsonProtocol:
    return MediaJsonProtocol(
        translate=translate,
        send_back=target.get("sendBack", "true") != "false",
        interim=target.get("sendBackInterim", "true") != "false",
    )
