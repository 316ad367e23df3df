"""Captions to an MQTT broker, and sound from edge microphones back (extra `mqtt`).

The broker may go away at any time. Finals made meanwhile wait and arrive afterwards, each once
and in order: one is confirmed (QoS 1) before the next is sent. Where a confirmation itself was
lost on the way the final comes a second time, as QoS 1 allows; `seq` tells.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from app.backoff import Backoff
from app.protocols.mqtt import OFFLINE, ONLINE, caption_topic, status_topic
from engine.captions import Caption

if TYPE_CHECKING:
    from aiomqtt import Client

logger = logging.getLogger(__name__)
_client_logger = logging.getLogger(f"{__name__}.client")
_client_logger.setLevel(logging.CRITICAL)  # what it says is said by the errors that it raises

KEEPALIVE_S = 15
TIMEOUT_S = 5.0
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class MqttError(OSError):
    """MQTT cannot be used as it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig:
    """The table `[mqtt]`.

    Attributes:
        url: `mqtt://USER:PASSWORD@HOST:PORT`, or `mqtts://` for TLS; all but the host may be left
            out. None: no MQTT.
        topic: what every topic begins with.
        username: instead of in the URL.
        password: instead of in the URL, where the command line would show it to others.
        ca_file: certificates to trust, a PEM file; None: those of the system.
    """

    url: str | None = None
    topic: str = "dragoman"
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        """Raise ValueError, naming key, value and valid range, for the first bad setting."""
        if not self.topic or set(self.topic) & set("#+\0") or self.topic.strip("/") != self.topic:
            raise ValueError(f"mqtt topic is {self.topic!r}, must be like room/captions")
        if self.url is None:
            return
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:  # the text itself may hold a password
            raise ValueError("mqtt url must be mqtt://HOST:PORT or mqtts://HOST:PORT")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the broker."""
        parts = urlsplit(self.url or "")
        return parts.hostname or "", parts.port or _PORTS[parts.scheme]

    @property
    def credentials(self) -> tuple[str | None, str | None]:
        """User name and password, if the broker asks for them."""
        parts = urlsplit(self.url or "")
        username = unquote(parts.username) if parts.username else self.username
        return username, unquote(parts.password) if parts.password else self.password

    def tls(self) -> ssl.SSLContext | None:
        """How the broker's certificate is checked, None without TLS.

        Raises:
            MqttError: `ca_file` cannot be read.
        """
        if urlsplit(self.url or "").scheme != "mqtts":
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise MqttError(f"{self.ca_file}: no certificates can be read from it") from error


class Ears:
    """What listens to the broker, while it is there; without it, nothing is listened to."""

    def __init__(
        self,
        topics: str,
        hear: Callable[["Client", str, bytes], Awaitable[None]],
    ) -> None:
        """Hear every message of these topics."""
        self.topics = topics
        self.hear = hear


class MqttOutlet:
    """An outlet to one broker."""

    def __init__(
        self, config: MqttConfig, ears: Ears | None = None, backoff: Backoff | None = None
    ) -> None:
        """Check that MQTT can be used; connect to nobody yet.

        Raises:
            MqttError: aiomqtt is not installed, or the certificates cannot be read.
        """
        try:
            import aiomqtt
        except ImportError as error:
            raise MqttError("MQTT needs aiomqtt: pip install 'dragoman[mqtt]'") from error
        self._aiomqtt = aiomqtt
        self._config = config
        self._ears = ears
        self._backoff = backoff or Backoff()
        self._tls = config.tls()
        self._pending: Caption | None = None

    @property
    def name(self) -> str:
        """The broker."""
        host, port = self._config.address
        return f"MQTT broker {host}:{port}"

    async def run(self, captions: AsyncIterator[Caption]) -> None:
        """Deliver until the captions end."""
        away = False
        while True:
            try:
                async with self._client() as client:
                    away = False
                    logger.info("%s: connected", self.name)
                    await self._talk(client, captions)
                    return
            except (self._aiomqtt.MqttError, OSError) as error:
                if not away:
                    logger.warning("%s is away, and tried again: %s", self.name, error)
                away = True
            await asyncio.sleep(self._backoff.next_s())

    def _client(self) -> "Client":
        host, port = self._config.address
        username, password = self._config.credentials
        status = status_topic(self._config.topic)
        return self._aiomqtt.Client(
            host,
            port,
            username=username,
            password=password,
            tls_context=self._tls,
            will=self._aiomqtt.Will(status, OFFLINE, qos=1, retain=True),
            keepalive=KEEPALIVE_S,
            timeout=TIMEOUT_S,
            logger=_client_logger,
            max_queued_incoming_messages=1000,
        )

    async def _talk(self, client: "Client", captions: AsyncIterator[Caption]) -> None:
        """Deliver over one connection; a message that is not confirmed stays pending."""
        status = status_topic(self._config.topic)
        await client.publish(status, ONLINE, qos=1, retain=True)
        if self._ears is not None:
            await client.subscribe(self._ears.topics, qos=1)
        self._backoff.reset()
        listening = asyncio.create_task(self._listen(client))
        sending = asyncio.create_task(self._send(client, captions))
        try:
            # Listening ends only when the connection is lost, which sending may not notice.
            await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
            for task in (sending, listening):
                if task.done():
                    task.result()
        finally:
            for task in (listening, sending):
                task.cancel()
            await asyncio.gather(listening, sending, return_exceptions=True)
        await client.publish(status, OFFLINE, qos=1, retain=True)

    async def _listen(self, client: "Client") -> None:
        async for message in client.messages:
            if self._ears is not None and isinstance(message.payload, bytes):
                await self._ears.hear(client, str(message.topic), message.payload)

    async def _send(self, client: "Client", captions: AsyncIterator[Caption]) -> None:
        while True:
            if self._pending is None:
                try:
                    self._pending = await anext(captions)
                except StopAsyncIteration:
                    return
            topic, qos = caption_topic(self._config.topic, self._pending)
            await client.publish(topic, self._pending.to_json(), qos=qos)
            self._pending = None
