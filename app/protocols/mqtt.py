"""MQTT: the topics and payloads, for captions out and sound in; see docs/feed.md. No I/O."""

from collections.abc import Sequence

import numpy as np

from app.protocols.peer import Begin, Command, Finish, PeerError, Sound
from app.protocols.sound import SoundDecoder, make_decoder
from engine.audio import Samples
from engine.captions import Caption

ONLINE = "online"
OFFLINE = "offline"
MAX_DEVICES = 100
NUMBER_BYTES = 4
"""In front of the sound of a chunk: its number, unsigned, the most significant byte first."""

_MAX_LOST_CHUNKS = 50  # more are not made up for with silence
_BACKWARDS = 2**31  # numbers start again from 0 behind 2³²


def status_topic(base: str) -> str:
    """Where `online` or `offline` is retained."""
    return f"{base}/status"


def caption_topic(base: str, caption: Caption) -> tuple[str, int]:
    """Topic and quality of service of a caption: a partial may get lost, a final comes once."""
    kind, qos = ("final", 2) if caption.final else ("partial", 0)
    return f"{base}/{caption.session}/caption/{caption.target.lang}/{kind}", qos


def sound_topics(base: str) -> str:
    """The filter of the topics that devices send sound to."""
    return f"{base}/audio/+/+/+"


def session_topic(base: str, device: str) -> str:
    """Where a device, or who listens to it, learns the name of its session."""
    return f"{base}/session/{device}"


def device_of(topic: str) -> str:
    """The device in a topic for sound."""
    return topic.split("/")[-3]


class MqttSound:
    """Sound of many devices: `BASE/audio/DEVICE/ENCODING/RATE`, a numbered chunk a message.

    A chunk that was lost on the way becomes silence, one that comes twice or late is left out.
    A chunk without sound ends the stream.
    """

    def __init__(self, base: str) -> None:
        """Wait for the first chunk of any device."""
        self._prefix = f"{base}/audio/"
        self._devices: dict[str, _Device] = {}

    def receive(self, topic: str, payload: bytes) -> Sequence[Command]:
        """Take a message.

        Raises:
            PeerError: it is none of these; the device is forgotten.
        """
        device, encoding, rate = self._parse(topic)
        try:
            if len(payload) < NUMBER_BYTES:
                raise PeerError(1007, "a chunk without its number")
            return self._chunk(device, f"{encoding}/{rate}", payload)
        except PeerError:
            self._devices.pop(device, None)
            raise

    def forget(self, device: str) -> None:
        """The stream of a device has ended for another reason."""
        self._devices.pop(device, None)

    def _parse(self, topic: str) -> tuple[str, str, str]:
        parts = topic.removeprefix(self._prefix).split("/")
        if not topic.startswith(self._prefix) or len(parts) != 3 or not all(parts):
            raise PeerError(1008, "not a topic for sound")
        device, encoding, rate = parts
        return device, encoding, rate

    def _chunk(self, name: str, form: str, payload: bytes) -> Sequence[Command]:
        number = int.from_bytes(payload[:NUMBER_BYTES], "big")
        data = payload[NUMBER_BYTES:]
        device = self._devices.get(name)
        if not data:
            if device is None:
                return []
            del self._devices[name]
            return [Sound(device.decoder.flush(), name), Finish(name)]
        commands: list[Command] = []
        if device is None:
            device = self._devices[name] = self._begin(form, number)
            commands.append(Begin(name))
        elif device.form != form:
            raise PeerError(1008, "another encoding or rate in mid-stream")
        samples = device.accept(number, data)
        return [*commands, Sound(samples, name)] if samples is not None else commands

    def _begin(self, form: str, number: int) -> "_Device":
        if len(self._devices) >= MAX_DEVICES:
            raise PeerError(1013, "too many devices")
        encoding, _, rate = form.partition("/")
        if not (rate.isascii() and rate.isdigit() and len(rate) < 9):
            raise PeerError(1008, "the rate in the topic is not a number")
        return _Device(make_decoder(encoding, int(rate), 1), form, number)


class _Device:
    """The stream of one device."""

    def __init__(self, decoder: SoundDecoder, form: str, number: int) -> None:
        self.decoder = decoder
        self.form = form
        self._next = number
        self._n_samples = 0  # of the newest chunk

    def accept(self, number: int, data: bytes) -> Samples | None:
        """The sound of a chunk, with silence for lost ones in front; None if it comes late."""
        n_lost = (number - self._next) % 2**32
        if n_lost >= _BACKWARDS:
            return None
        self._next = (number + 1) % 2**32
        samples = self.decoder.feed(data)
        silence = np.zeros(min(n_lost, _MAX_LOST_CHUNKS) * self._n_samples, np.float32)
        self._n_samples = len(samples)
        return np.concatenate((silence, samples)) if len(silence) else samples
