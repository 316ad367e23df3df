"""The pages `/health` and `/metrics`."""

from http import HTTPStatus

from app.server.http import Answer, Exchange
from app.server.server import Page
from app.server.stats import ServerStats


def health_page(stats: ServerStats, *, max_sessions: int) -> Page:
    """Whether the server is up, and whether it takes another stream of sound.

    It answers to whoever may open a connection: load balancers have no token, and the two numbers
    are no secret.
    """

    async def page(_: Exchange) -> Answer:
        return Answer.json(
            {
                "status": "ok" if stats.sessions < max_sessions else "full",
                "sessions": stats.sessions,
                "max_sessions": max_sessions,
            }
        )

    return page


def metrics_page(stats: ServerStats) -> Page:
    """The figures of the server, for Prometheus."""

    async def page(_: Exchange) -> Answer:
        content_type = "text/plain; version=0.0.4; charset=utf-8"
        return Answer(HTTPStatus.OK, stats.render().encode(), content_type)

    return page
