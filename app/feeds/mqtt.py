"""Captions to an MQTT broker, and sound from edge microphones back (extra `mqtt`).

The broker may go away at any time. Finals made meanwhile wait and arrive afterwards, each once
and in order: one is confirmed before the next is sent, and a handshake (QoS 2) that a lost
connection interrupts is resumed over the next one, in the same session of MQTT.
"""

import asyncio
import logging
import math
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from app.errors import reason
from app.feeds.backoff import Backoff
from app.protocols.mqtt import OFFLINE, ONLINE, caption_topic, status_topic
from engine.captions import Caption

if TYPE_CHECKING:
    from aiomqtt import Client

logger = logging.getLogger(__name__)
_client_logger = logging.getLogger(f"{__name__}.client")
_client_logger.setLevel(logging.CRITICAL)  # what it says is said by the errors that it raises

KEEPALIVE_S = 15
"""A broker that is silent for longer, and answers no ping for as long again, is away."""
SESSION_S = 3600
"""For so long a broker remembers who was connected, and what was half handed over."""
TIMEOUT_S = 5.0
"""For the answer to a connection; what is published over one waits as long as it lasts."""
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
        self._away = False

    @property
    def name(self) -> str:
        """The broker."""
        host, port = self._config.address
        return f"MQTT broker {host}:{port}"

    async def run(self, captions: AsyncIterator[Caption]) -> None:
        """Deliver until the captions end."""
        client = self._client()  # for all connections: it knows what was half handed over
        # paho-mqtt resumes that over its next connection only, even one that never came about. So
        # a client that has nothing to lose looks first whether the broker is back.
        scout = self._scout()
        while True:
            try:
                if self._away:
                    async with scout:
                        pass
                async with client:
                    await self._talk(client, captions)
                    return
            except (self._aiomqtt.MqttError, OSError) as error:
                if not self._away:
                    logger.warning("%s is away, and tried again: %s", self.name, reason(error))
                self._away = True
            await asyncio.sleep(self._backoff.next_s())

    def _client(self) -> "Client":
        """One that a broker remembers while it is not connected."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = SESSION_S
        status = status_topic(self._config.topic)
        return self._aiomqtt.Client(
            **self._connection(),
            identifier=f"dragoman{secrets.token_hex(7)}",  # brokers need not take more than 23
            protocol=self._aiomqtt.ProtocolVersion.V5,
            properties=session,
            clean_start=False,
            will=self._aiomqtt.Will(status, OFFLINE, qos=1, retain=True),
            max_queued_incoming_messages=1000,
            max_inflight_messages=1,  # keeps the order over a lost connection
        )

    def _scout(self) -> "Client":
        return self._aiomqtt.Client(**self._connection())

    def _connection(self) -> dict[str, Any]:
        host, port = self._config.address
        username, password = self._config.credentials
        return {
            "hostname": host,
            "port": port,
            "username": username,
            "password": password,
            "tls_context": self._tls,
            "keepalive": KEEPALIVE_S,
            "timeout": TIMEOUT_S,
            "logger": _client_logger,
        }

    async def _talk(self, client: "Client", captions: AsyncIterator[Caption]) -> None:
        """Listen and deliver over one connection."""
        listening = asyncio.create_task(self._listen(client))
        delivering = asyncio.create_task(self._deliver(client, captions))
        try:
            # Listening ends only when the connection is lost, which delivering does not notice.
            await asyncio.wait({listening, delivering}, return_when=asyncio.FIRST_COMPLETED)
            for task in (delivering, listening):
                if task.done():
                    task.result()
        finally:
            for task in (listening, delivering):
                task.cancel()
            await asyncio.gather(listening, delivering, return_exceptions=True)

    async def _listen(self, client: "Client") -> None:
        async for message in client.messages:
            if self._ears is not None and isinstance(message.payload, bytes):
                await self._ears.hear(client, str(message.topic), message.payload)

    async def _deliver(self, client: "Client", captions: AsyncIterator[Caption]) -> None:
        """Send what comes; what is not confirmed is the client's, and goes on with the next."""
        status = status_topic(self._config.topic)
        if self._ears is not None:
            await client.subscribe(self._ears.topics, qos=1)
        await client.publish(status, ONLINE, qos=1, retain=True, timeout=math.inf)
        self._backoff.reset()
        self._away = False
        logger.info("%s: connected", self.name)
        async for caption in captions:
            topic, qos = caption_topic(self._config.topic, caption)
            await client.publish(topic, caption.to_json(), qos=qos, timeout=math.inf)
        if self._ears is not None:  # no sound is to wait for who does not come back
            await client.unsubscribe(self._ears.topics)
        await client.publish(status, OFFLINE, qos=1, retain=True, timeout=math.inf)
