"""Outlets: what brings captions to somewhere else, and may fail there without harm here."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from engine.captions import Caption
from engine.fanout import Fanout, OverrunError

logger = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Captions, outdated revisions left out, that wait while the other side is away."""
DRAIN_S = 5.0
"""For what is still waiting when the captions end."""


class OutletError(RuntimeError):
    """The other side takes no captions, and trying again would not help."""


class Outlet(Protocol):
    """Brings the captions of all sessions somewhere."""

    @property
    def name(self) -> str:
        """Where to, in words for people; no secret."""
        ...

    async def run(self, captions: AsyncIterator[Caption]) -> None:
        """Deliver every final once and in order, trying again as long as that can help.

        Raises:
            OutletError: it cannot help.
        """
        ...


@contextlib.asynccontextmanager
async def delivering(outlets: Sequence[Outlet], fanout: Fanout) -> AsyncIterator[None]:
    """Run outlets while the context lasts; the fan-out is to be closed before it is left."""
    tasks = [
        asyncio.create_task(_run(outlet, fanout.subscribe(limit=MAX_WAITING)), name=outlet.name)
        for outlet in outlets
    ]
    try:
        yield
    finally:
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
            for task in late:
                logger.error("%s did not take the last captions", task.get_name())
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _run(outlet: Outlet, captions: AsyncIterator[Caption]) -> None:
    try:
        await outlet.run(captions)
    except OverrunError as error:
        logger.error("%s was away for too long, and gets no more: %s", outlet.name, error)
    except OutletError as error:
        logger.error("%s gets no captions: %s", outlet.name, error)
    except Exception:
        logger.exception("%s failed, and gets no more", outlet.name)
