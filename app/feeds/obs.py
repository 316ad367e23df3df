"""Finals as the stream captions of OBS, through obs-websocket."""

import asyncio
import logging
from collections.abc import AsyncIterator

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from app.errors import reason
from app.feeds.backoff import Backoff
from app.feeds.outlets import OutletError
from app.protocols.obs import (
    OUTPUT_NOT_RUNNING,
    ObsError,
    caption_request,
    caption_texts,
    check_identified,
    identify,
    outcome,
)
from engine.captions import Caption

logger = logging.getLogger(__name__)

TIMEOUT_S = 5.0
_AUTHENTICATION_FAILED = 4009


class ObsOutlet:
    """An outlet to one OBS."""

    def __init__(
        self, address: str, password: str | None = None, backoff: Backoff | None = None
    ) -> None:
        """Connect to nobody yet; `address` is HOST:PORT."""
        self._address = address
        self._password = password
        self._backoff = backoff or Backoff()
        self._pending: Caption | None = None

    @property
    def name(self) -> str:
        """Which OBS."""
        return f"OBS at {self._address}"

    async def run(self, captions: AsyncIterator[Caption]) -> None:
        """Send every final; those made while OBS is away wait for it.

        While OBS is there and does not stream, captions have nowhere to go and are left out.

        Raises:
            OutletError: what answers is not OBS, or the password is wrong.
        """
        away = False
        while True:
            try:
                async with connect(f"ws://{self._address}", max_size=2**16) as connection:
                    await self._identify(connection)
                    away = False
                    self._backoff.reset()
                    await self._send_all(connection, captions)
                    return
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code == _AUTHENTICATION_FAILED:
                    raise OutletError("OBS does not accept the password") from closed
            except ObsError as error:
                raise OutletError(str(error)) from error
            except (OSError, InvalidHandshake) as error:
                if not away:
                    logger.warning("%s is away, and tried again: %s", self.name, reason(error))
                away = True
            await asyncio.sleep(self._backoff.next_s())

    async def _identify(self, connection: ClientConnection) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await connection.send(identify(await connection.recv(), self._password))
            check_identified(await connection.recv())

    async def _send_all(
        self, connection: ClientConnection, captions: AsyncIterator[Caption]
    ) -> None:
        while True:
            if self._pending is None:
                try:
                    self._pending = await anext(captions)
                except StopAsyncIteration:
                    return
            if self._pending.final and self._pending.target.full:
                await self._send(connection, self._pending)
            self._pending = None

    async def _send(self, connection: ClientConnection, caption: Caption) -> None:
        for text in caption_texts(caption.target.full):
            async with asyncio.timeout(TIMEOUT_S):
                await connection.send(caption_request(str(caption.seq), text))
                answer = outcome(await connection.recv())
            if not answer.done and answer.code != OUTPUT_NOT_RUNNING:
                logger.warning(
                    "%s did not take caption %d: %d", self.name, caption.seq, answer.code
                )
