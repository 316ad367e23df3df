"""Who may come in: the token, and the pages that may connect from a browser. No I/O."""

import hmac
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.datastructures import Headers

from app.server.config import is_loopback
from app.server.http import Answer, Target


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one server.

    With a token, whoever shows it may come in, from whatever page. Without one the server is on
    loopback, where any page in the user's browser can reach it: only pages of this machine and of
    the listed origins may connect, and only under a name of this machine (a foreign name that
    resolves to loopback is an attempt to read across origins).
    """

    token: str | None
    origins: tuple[str, ...] = ()

    def refusal(self, target: Target, headers: Headers) -> Answer | None:
        """The answer to a peer that may not come in; None: it may."""
        if self.token is not None:
            if self.opens(_shown_token(target, headers)):
                return None
            answer = Answer.text(HTTPStatus.UNAUTHORIZED, "a valid token is required")
            return Answer(answer.status, answer.body, headers={"WWW-Authenticate": "Bearer"})
        if not all(map(self._may_connect, headers.get_all("Origin"))):
            return Answer.text(HTTPStatus.FORBIDDEN, "this origin needs a token")
        if not all(is_loopback(_host_name(f"//{host}")) for host in headers.get_all("Host")):
            return Answer.text(HTTPStatus.FORBIDDEN, "this host name needs a token")
        return None

    def sharing(self, headers: Headers) -> dict[str, str]:
        """What lets the page that asks read the answer, if it may; empty otherwise.

        With a token any page may ask, since it has to show the token to get more than a refusal.
        """
        for origin in headers.get_all("Origin"):
            if self.token is not None or self._may_connect(origin):
                return {
                    "Access-Control-Allow-Origin": origin,
                    "Access-Control-Allow-Methods": "GET, POST",
                    "Access-Control-Allow-Headers": "Authorization, Content-Type",
                    "Vary": "Origin",
                }
        return {}

    def opens(self, shown: str) -> bool:
        """Whether this is the token; how long that takes tells nothing about it."""
        return self.token is not None and hmac.compare_digest(
            shown.encode("utf-8", "replace"), self.token.encode("utf-8", "replace")
        )

    def _may_connect(self, origin: str) -> bool:
        return origin in self.origins or is_loopback(_host_name(origin))


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _shown_token(target: Target, headers: Headers) -> str:
    """What a peer shows as its token, in the query or the Authorization header."""
    for value in headers.get_all("Authorization"):
        scheme, _, credentials = value.partition(" ")
        if scheme.lower() == "bearer":
            return credentials.strip()
    return target.get("token")
