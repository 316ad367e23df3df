"""The caption page: plain files, served from memory."""

from http import HTTPStatus
from pathlib import Path

from app.models.registry import ASSETS
from app.server.http import Answer, Exchange
from app.server.server import Page

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
_INDEX = "index.html"
_HEADERS = {
    # The page loads nothing from elsewhere and runs no script but its own.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'",
    # Its address may hold the token.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def caption_page(directory: Path = ASSETS / "page") -> dict[str, Page]:
    """The files of the caption page by path; `/` is the page itself."""
    pages = {f"/{file.name}": _file(file) for file in directory.iterdir() if file.suffix in _TYPES}
    return {**pages, "/": _file(directory / _INDEX)}


def _file(file: Path) -> Page:
    answer = Answer(HTTPStatus.OK, file.read_bytes(), _TYPES[file.suffix], _HEADERS)

    async def page(exchange: Exchange) -> Answer:
        if exchange.method not in ("GET", "HEAD"):
            return Answer.text(HTTPStatus.METHOD_NOT_ALLOWED, "this is a file")
        return answer

    return page
