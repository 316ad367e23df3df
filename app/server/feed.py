"""The feed: captions, the page that shows them, health and metrics, for `run` and `serve` alike."""

import contextlib
from collections.abc import AsyncIterator

from app.server.captions import CaptionsDoor, Published
from app.server.config import ServerConfig, is_loopback, parse_address
from app.server.pages import caption_page
from app.server.server import Routes, Server
from app.server.stats import ServerStats
from app.server.status import health_page, metrics_page


def feed_routes(
    published: Published, config: ServerConfig, stats: ServerStats, *, session: str | None = None
) -> Routes:
    """What every server has; `session` is the only one there is, if there is only one."""
    door = CaptionsDoor(published, config, stats, session=session)
    return Routes(
        doors={"/": door, "/captions": door},
        pages={"/metrics": metrics_page(stats)},
        open_pages={
            **caption_page(),
            "/health": health_page(stats, max_sessions=config.max_sessions),
        },
    )


@contextlib.asynccontextmanager
async def serve_feed(
    routes: Routes, published: Published, config: ServerConfig, stats: ServerStats
) -> AsyncIterator[str]:
    """Serve while the context lasts; its value is HOST:PORT.

    On leaving, viewers are sent what is pending and closed.

    Raises:
        ServerError: it cannot be served there.
    """
    async with Server(routes, config, stats).serve() as address:
        try:
            yield address
        finally:
            published.fanout.close()


def in_words(address: str, config: ServerConfig) -> str:
    """Where captions are served, for the person who started the server."""
    secure = "" if config.tls_cert is None else "s"
    where = (
        f"Captions are served at ws{secure}://{address}/captions "
        f"and shown at http{secure}://{address}/"
    )
    if secure or is_loopback(parse_address(address)[0]):
        return where
    return f"{where}\nWithout --tls-cert and --tls-key the token can be read on the way."
