"""The doors that take sound: carries out what a protocol asks for, over one connection.

A reader task always drains the socket into a bounded mailbox, so that pings are answered whatever
the recogniser does; inference runs in the worker thread. When the machine is behind, a live
protocol loses the oldest sound, and the peer of a lossless one is held back by TCP: only then may
its pings go unanswered for long, so the server does not count them.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from app.protocols.peer import (
    Begin,
    Command,
    Finish,
    Leave,
    Message,
    PeerError,
    Reply,
    Settle,
    Sound,
    SoundProtocol,
)
from app.server.config import ServerConfig
from app.server.http import Answer, Target, peer_of
from app.server.server import CloseError
from app.server.sessions import SessionRefusedError, Sessions, SoundSession
from engine.audio import Samples
from engine.channel import Channel
from engine.fanout import OverrunError, Subscription

logger = logging.getLogger(__name__)

TRY_AGAIN_LATER = 1013
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
NORMAL_CLOSURE = 1000
MAILBOX = 16  # messages of a peer that wait to be worked on
MAX_WAITING_CAPTIONS = 1000  # of one stream, after outdated revisions are left out

MakeProtocol = Callable[[Target], SoundProtocol]


class SoundDoor:
    """One path at which peers of one protocol send sound."""

    def __init__(self, make: MakeProtocol, sessions: Sessions, config: ServerConfig) -> None:
        """Serve peers with a protocol of their own each, which `make` makes of the URL."""
        self._make = make
        self._sessions = sessions
        self._config = config

    def refusal(self, target: Target) -> Answer | None:
        """No more streams than agreed, and only what the protocol knows."""
        if self._sessions.full:
            return Answer.text(HTTPStatus.SERVICE_UNAVAILABLE, "too many streams of sound")
        try:
            self._make(target)
        except PeerError as error:
            return Answer.text(HTTPStatus.BAD_REQUEST, error.reason)
        return None

    async def serve(self, connection: ServerConnection, target: Target) -> None:
        """Serve one peer until it leaves.

        Raises:
            CloseError: it broke the protocol, or cannot be served any longer.
        """
        protocol = self._make(target)
        if protocol.lossless:
            connection.ping_timeout = None
        conversation = _Conversation(connection, protocol, self._sessions, self._config)
        try:
            await conversation.run()
        except BaseExceptionGroup as errors:
            error = _first(errors)
            raise _closing(error) from error


class _Conversation:
    """One connection and the streams that it carries."""

    def __init__(
        self,
        connection: ServerConnection,
        protocol: SoundProtocol,
        sessions: Sessions,
        config: ServerConfig,
    ) -> None:
        self._connection = connection
        self._protocol = protocol
        self._sessions = sessions
        self._config = config
        self._mailbox = Channel[Message](MAILBOX)
        self._streams: dict[str, SoundSession] = {}
        self._showing: dict[str, asyncio.Task[None]] = {}
        self._left = False

    async def run(self) -> None:
        """Talk until the peer leaves."""
        try:
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read())
                await self._send(self._protocol.greeting())
                await self._work(group)
                await asyncio.gather(*self._showing.values())
                if self._left:
                    await self._connection.close(NORMAL_CLOSURE)
                reader.cancel()
        finally:
            for session in self._streams.values():
                session.finish()  # what was said before is still captioned

    async def _read(self) -> None:
        loop, idle_s = asyncio.get_running_loop(), 0.0
        while True:
            began_s = loop.time()
            try:
                async with asyncio.timeout(self._config.idle_timeout_s - idle_s):
                    message = await self._connection.recv()
            except ConnectionClosed:
                self._mailbox.close()
                return
            except TimeoutError as error:
                if not self._left:
                    raise CloseError(POLICY_VIOLATION, "no message for too long") from error
            else:
                idle_s = 0.0 if message else idle_s + loop.time() - began_s
                await self._mailbox.put(message)

    async def _work(self, group: asyncio.TaskGroup) -> None:
        async for message in self._mailbox:
            for command in self._protocol.receive(message):
                await self._carry_out(command, group)
            if self._left:
                return
        for session in self._streams.values():
            session.finish()

    async def _carry_out(self, command: Command, group: asyncio.TaskGroup) -> None:
        match command:
            case Sound(samples, stream):
                if stream in self._streams:  # an optional one may have been refused
                    await self._hear(self._streams[stream], samples)
            case Reply(message):
                await self._send([message])
            case Settle(stream):
                if stream in self._streams:
                    await self._streams[stream].settled()
                await self._send(self._protocol.settled(stream))
            case Begin():
                await self._begin(command, group)
            case Finish(stream):
                if stream in self._streams:
                    self._streams.pop(stream).finish()
                    await self._showing.pop(stream)
            case Leave():
                self._left = True
                for session in self._streams.values():
                    session.finish()

    async def _hear(self, session: SoundSession, samples: Samples) -> None:
        if self._protocol.lossless:
            await session.sound.room()
        session.put(samples)

    async def _begin(self, command: Begin, group: asyncio.TaskGroup) -> None:
        try:
            session = self._sessions.begin(
                peer_of(self._connection),
                source_lang=command.source_lang,
                target_lang=command.target_lang,
                lossless=self._protocol.lossless,
            )
        except SessionRefusedError as error:
            if not command.optional:
                raise
            logger.info("stream %s: refused: %s", command.stream, error)
            await self._send(self._protocol.refused(command.stream))
            return
        self._streams[command.stream] = session
        captions = session.captions.subscribe(limit=MAX_WAITING_CAPTIONS)
        self._showing[command.stream] = group.create_task(
            self._show(command.stream, session, captions)
        )
        await self._send(self._protocol.begun(command.stream, session.name))

    async def _show(self, stream: str, session: SoundSession, captions: Subscription) -> None:
        """Send what the protocol makes of a stream's captions, to its end."""
        async for caption in captions:
            await self._send(self._protocol.show(stream, caption))
        if session.error is not None:
            raise CloseError(INTERNAL_ERROR, "internal error")
        await self._send(self._protocol.finished(stream))

    async def _send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            async with asyncio.timeout(self._config.send_timeout_s):
                await self._connection.send(message)


def _closing(error: BaseException) -> BaseException:
    """How a connection ends that ended in this error."""
    match error:
        case PeerError():
            return CloseError(error.code, error.reason)
        case SessionRefusedError():
            return CloseError(TRY_AGAIN_LATER if error.full else POLICY_VIOLATION, str(error))
        case OverrunError() | TimeoutError():
            return CloseError(TRY_AGAIN_LATER, "too far behind")
    return error


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group, however deep it lies."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
