"""The door `/captions`: a snapshot on connect, then one caption a message.

A viewer that is slow is spared outdated revisions and never loses a final; one that is too far
behind is closed with code 1013 and may resume where it was. Viewers have nothing to say: what
they send is read, so that pings and closing work, and thrown away.
"""

import asyncio
import contextlib
import time
from dataclasses import replace
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from app.server.config import ServerConfig
from app.server.history import History
from app.server.http import Answer, Target
from app.server.rate import RateLimit
from app.server.server import CloseError
from app.server.stats import ServerStats
from app.server.views import Progress, View, ViewError, snapshot
from engine.captions import Caption
from engine.fanout import Fanout, OverrunError

TOO_FAR_BEHIND = 1013
GOING_AWAY = 1001
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
MAX_VIEWER_MESSAGES_PER_MINUTE = 60
MAX_VIEWER_MESSAGE_BYTES = 4096  # of what a viewer sends, which nobody reads


class Published:
    """The captions of all sessions of one server, passed on to its viewers and kept for them."""

    def __init__(self, history: History, stats: ServerStats) -> None:
        """Start without captions."""
        self.fanout = Fanout()
        self.history = history
        self._stats = stats
        self._published_at: dict[str, tuple[int, float]] = {}

    def begin(self, session: str) -> None:
        """A session starts."""
        self.history.begin(session)

    def publish(self, caption: Caption) -> None:
        """Give a caption to every viewer; never waits."""
        self._stats.captions += 1
        self._stats.finals += caption.final
        self._stats.delay.add(max(caption.emitted_s - caption.end_s, 0.0))
        if caption.live is not None:
            self._stats.live[caption.session] = caption.live
        self._published_at[caption.session] = (caption.seq, time.monotonic())
        self.history.add(caption)
        self.fanout.publish(caption)

    def end(self, session: str) -> None:
        """No caption of this session follows."""
        self._published_at.pop(session, None)
        self._stats.live.pop(session, None)
        self.fanout.forget_open(session)

    def sent(self, caption: Caption) -> None:
        """A viewer is being sent this caption: count the delay, if it is the session's newest."""
        seq, published_s = self._published_at.get(caption.session, (-1, 0.0))
        if seq == caption.seq:
            self._stats.fan_out.add(time.monotonic() - published_s)


class CaptionsDoor:
    """Serves viewers."""

    def __init__(
        self,
        published: Published,
        config: ServerConfig,
        stats: ServerStats,
        *,
        session: str | None = None,
    ) -> None:
        """Serve what is published; `session` is the only one there is, if there is only one."""
        self._published = published
        self._config = config
        self._stats = stats
        self._session = session

    def refusal(self, target: Target) -> Answer | None:
        """No more viewers than agreed, and only views that exist."""
        if self._stats.viewers >= self._config.max_viewers:
            return Answer.text(HTTPStatus.SERVICE_UNAVAILABLE, "too many viewers")
        try:
            view = View.parse(target)
        except ViewError as error:
            return Answer.text(HTTPStatus.BAD_REQUEST, str(error))
        if view.dwell_s and not (view.session or self._session):
            return Answer.text(HTTPStatus.BAD_REQUEST, "dwell is for one session; name it")
        return None

    async def serve(self, connection: ServerConnection, target: Target) -> None:
        """Send until the last session has ended, or the viewer has gone or is too far behind.

        Raises:
            CloseError: it is too far behind, or talks too much.
        """
        self._stats.viewers += 1
        try:
            await self._send(connection, View.parse(target))
        except (OverrunError, TimeoutError) as error:
            raise CloseError(TOO_FAR_BEHIND, "too far behind") from error
        finally:
            self._stats.viewers -= 1
        await connection.close(GOING_AWAY, "the session has ended")

    async def _send(self, connection: ServerConnection, view: View) -> None:
        recent = [c for c in self._published.fanout.snapshot() if view.wants(c)]
        subscription = self._published.fanout.subscribe(
            limit=self._config.max_pending,
            max_behind_s=self._config.max_behind_s,
            wanted=view.wants,
        )
        reader = asyncio.create_task(_discard_until_closed(connection))
        reader.add_done_callback(lambda _: subscription.close())
        try:
            progress = Progress(view)
            for first in await self._first_messages(view, recent, progress):
                await self._send_one(connection, first)
            async for caption in subscription:
                message = progress.take(caption)
                if message is not None:
                    self._published.sent(caption)
                    await self._send_one(connection, message)
                    if view.dwell_s:  # revisions that come meanwhile replace one another
                        await asyncio.wait({reader}, timeout=view.dwell_s)
        finally:
            self._stats.coalesced += subscription.n_coalesced
            subscription.close()
            reader.cancel()

    async def _first_messages(
        self, view: View, recent: list[Caption], progress: Progress
    ) -> list[str]:
        """The snapshot; behind it, of sessions that are resumed, what was missed."""
        resumed = dict(view.after)
        missed: list[Caption] = [c for c in recent if c.session in resumed and not c.final]
        lost = []
        for session, after in resumed.items():
            found = await self._published.history.missed(session, after)
            missed += filter(view.wants, found.finals)
            if not found.complete:
                lost.append(session)
        fresh = [caption for caption in recent if caption.session not in resumed]
        for caption in fresh:
            progress.take(caption)
        shown = view if view.session or self._session is None else self._only(view)
        messages = [snapshot(shown, fresh, lost)]
        for caption in sorted(missed, key=lambda caption: (caption.session, caption.seq)):
            message = progress.take(caption)
            if message is not None:
                messages.append(message)
        return messages

    def _only(self, view: View) -> View:
        return replace(view, session=self._session)

    async def _send_one(self, connection: ServerConnection, message: str) -> None:
        async with asyncio.timeout(self._config.send_timeout_s):
            await connection.send(message)


async def _discard_until_closed(connection: ServerConnection) -> None:
    """Read and throw away what a viewer says; one that says too much is closed."""
    allowance = RateLimit(MAX_VIEWER_MESSAGES_PER_MINUTE)
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            if len(message) > MAX_VIEWER_MESSAGE_BYTES:
                await connection.close(MESSAGE_TOO_BIG, "viewers have nothing to say")
            elif not allowance.allows():
                await connection.close(POLICY_VIOLATION, "too many messages")
