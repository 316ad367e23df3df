"""Finals to Zoom and YouTube, by HTTP POST."""

import asyncio
import http.client
import logging
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable

from app.feeds.backoff import Backoff
from app.feeds.outlets import OutletError
from app.protocols.caption_post import FIRST_SEQ, CaptionService, Post, verdict
from engine.captions import Caption

logger = logging.getLogger(__name__)

TIMEOUT_S = 5.0
MAX_TRIES_S = 60.0
"""Later than this a caption means nothing to those who watch; it is left out."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET without the caption."""

    def redirect_request(self, *_: object) -> None:
        """Refuse."""


_opener = urllib.request.build_opener(_NoRedirect)


class PostOutlet:
    """An outlet to one caption stream of a service."""

    def __init__(
        self,
        service: CaptionService,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Post nothing yet; `clock` in seconds."""
        self._service = service
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._seq = FIRST_SEQ

    @property
    def name(self) -> str:
        """The service; its address is a secret."""
        return self._service.name

    async def run(self, captions: AsyncIterator[Caption]) -> None:
        """Post every final, one after the other.

        Raises:
            OutletError: the address takes no captions.
        """
        if self._service.seq_url is not None:
            self._seq = await self._next_seq(self._service.seq_url)
        async for caption in captions:
            if caption.final and caption.target.full:
                await self._deliver(caption)

    async def _next_seq(self, url: str) -> int:
        """The number behind the last caption; the first one if the service does not tell."""
        began_s = self._clock()
        while True:
            try:
                last = await asyncio.to_thread(_read_seq, url)
            except (OSError, http.client.HTTPException):
                if self._clock() - began_s > MAX_TRIES_S:
                    return FIRST_SEQ
                await asyncio.sleep(self._backoff.next_s())
            else:
                return FIRST_SEQ if last is None else last + 1

    async def _deliver(self, caption: Caption) -> None:
        """Post a caption until it is taken, or too late.

        Raises:
            OutletError: none will ever be taken.
        """
        post = self._service.post(caption, self._seq)
        began_s = self._clock()
        failed = False
        while True:
            status = await asyncio.to_thread(_send, post)
            match verdict(status):
                case "next":
                    self._seq += 1
                    self._backoff.reset()
                    return
                case "never":
                    raise OutletError(f"refused with HTTP status {status}")
            if self._clock() - began_s > MAX_TRIES_S:
                logger.error("%s did not take caption %d; it is left out", self.name, caption.seq)
                return
            if not failed:
                logger.warning("%s: %s; trying again", self.name, status or "no answer")
            failed = True
            await asyncio.sleep(self._backoff.next_s())


def _send(post: Post) -> int | None:
    """The status of the answer, None if there is none."""
    headers = {"Content-Type": post.content_type}
    request = urllib.request.Request(post.url, post.body, headers, method="POST")
    try:
        with _opener.open(request, timeout=TIMEOUT_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except (OSError, http.client.HTTPException):
        return None


def _read_seq(url: str) -> int | None:
    """The number of the last caption, None if the service does not tell.

    Raises:
        OSError: there is no answer.
        HTTPException: the same.
    """
    try:
        with _opener.open(url, timeout=TIMEOUT_S) as answer:
            return int(answer.read(100).strip())
    except urllib.error.HTTPError as error:
        error.close()
        return None
    except ValueError:
        return None
