"""Edge microphones that send their sound over MQTT: each device is a session."""

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from app.feeds.mqtt import Ears
from app.protocols.mqtt import MAX_DEVICES, MqttSound, device_of, session_topic, sound_topics
from app.protocols.peer import Begin, Command, Finish, PeerError, Sound
from app.server.sessions import SessionRefusedError, Sessions, SoundSession

if TYPE_CHECKING:
    from aiomqtt import Client

logger = logging.getLogger(__name__)


class Microphones:
    """Carries out what `MqttSound` asks for; their captions go the way of all captions."""

    def __init__(self, base: str, sessions: Sessions, *, idle_timeout_s: float) -> None:
        """Hear nobody yet.

        Args:
            base: in front of all topics.
            sessions: where the sound goes.
            idle_timeout_s: a device that is silent for so long is taken to be gone. So long, too,
                a device whose session failed waits for another one.
        """
        self._base = base
        self._sessions = sessions
        self._idle_timeout_s = idle_timeout_s
        self._protocol = MqttSound(base)
        self._devices: dict[str, SoundSession] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._refused: set[str] = set()

    def ears(self) -> Ears:
        """What the MQTT client is to listen to."""
        return Ears(sound_topics(self._base), self._hear)

    async def _hear(self, client: "Client", topic: str, payload: bytes) -> None:
        try:
            for command in self._protocol.receive(topic, payload):
                await self._carry_out(command, client)
        except (PeerError, SessionRefusedError) as error:
            self._refuse(topic, error)

    def _refuse(self, topic: str, error: Exception) -> None:
        if topic not in self._refused:  # a line for the device, not for each of its chunks
            logger.info("%r: refused: %s", topic, error)
        if len(self._refused) >= MAX_DEVICES:
            self._refused.clear()
        self._refused.add(topic)
        self._end(device_of(topic))

    async def _carry_out(self, command: Command, client: "Client") -> None:
        match command:
            case Begin(device):
                session = self._sessions.begin(f"MQTT device {device}")
                self._devices[device] = session
                answer = json.dumps({"session": session.name})
                await client.publish(session_topic(self._base, device), answer)
            case Sound(samples, device):
                session = self._devices[device]
                session.put(samples)
                if not session.captions.closed:  # of one that failed nothing more is to come
                    self._wait_for(device)
            case Finish(device):
                self._end(device)

    def _wait_for(self, device: str) -> None:
        timer = self._timers.pop(device, None)
        if timer is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers[device] = loop.call_later(self._idle_timeout_s, self._end, device)

    def _end(self, device: str) -> None:
        self._protocol.forget(device)
        timer = self._timers.pop(device, None)
        if timer is not None:
            timer.cancel()
        session = self._devices.pop(device, None)
        if session is not None:
            session.finish()
