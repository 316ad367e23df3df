"""WebM as a browser's MediaRecorder streams it: the Opus packets in it, piece by piece. No I/O.

The container is Matroska (RFC 9559), whose elements are EBML (RFC 8794): an identifier, a size, and
content, which in a master element is again elements. A live recorder cannot know the sizes of its
segment and clusters, so masters are entered without asking where they end, and what is left is one
flat row of elements.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from app.protocols.peer import PeerError

EBML_MAGIC = b"\x1aE\xdf\xa3"
"""The first bytes of every WebM stream: the identifier of its EBML header."""
MAX_BLOCK_BYTES = 2**16
"""No Opus packet is larger; a block that is belongs to a picture, and is skipped."""
MAX_TRACKS = 16

_INVALID_DATA = 1007
_LACING = 0b110  # of a block's flags: several packets in one block


class _Element(IntEnum):
    """Identifiers, with the bit that marks their length."""

    EBML = 0x1A45DFA3
    SEGMENT = 0x18538067
    TRACKS = 0x1654AE6B
    TRACK_ENTRY = 0xAE
    AUDIO = 0xE1
    CLUSTER = 0x1F43B675
    BLOCK_GROUP = 0xA0
    TRACK_NUMBER = 0xD7
    CODEC_ID = 0x86
    CHANNELS = 0x9F
    BLOCK = 0xA1
    SIMPLE_BLOCK = 0xA3


_MASTERS = frozenset(_Element) - {
    _Element.TRACK_NUMBER,
    _Element.CODEC_ID,
    _Element.CHANNELS,
    _Element.BLOCK,
    _Element.SIMPLE_BLOCK,
}
_WANTED = frozenset(_Element) - _MASTERS


@dataclass(slots=True)
class _Track:
    number: int = 0
    codec: bytes = b""
    n_channels: int = 1


class WebmDemuxer:
    """Takes the packets of the first Opus track out of a stream.

    A recorder that starts anew in mid-stream, with another header, is followed.
    """

    def __init__(self) -> None:
        """Wait for the header."""
        self._rest = bytearray()
        self._n_to_skip = 0
        self._begun = False
        self._tracks: list[_Track] = []

    @property
    def n_channels(self) -> int:
        """Channels of the Opus track, once there was a packet of it."""
        return self._opus_track().n_channels

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that the next piece, of any length, completes.

        Raises:
            PeerError: it is not WebM, or holds no Opus.
        """
        self._rest += data
        packets = [self._read(kind, content) for kind, content in self._elements()]
        return [packet for packet in packets if packet]

    def _elements(self) -> Iterator[tuple[int, bytes]]:
        """The elements that are whole; a master comes when it starts, without content."""
        while True:
            n_skipped = min(self._n_to_skip, len(self._rest))
            del self._rest[:n_skipped]
            self._n_to_skip -= n_skipped
            header = _read_header(self._rest)
            if header is None:
                return
            kind, size, start = header
            if not self._begun and kind != _Element.EBML:
                raise PeerError(_INVALID_DATA, "not WebM")
            if kind in _MASTERS:
                del self._rest[:start]
                yield kind, b""
            elif size is None:
                raise PeerError(_INVALID_DATA, "a WebM element without a size")
            elif kind not in _WANTED or size > MAX_BLOCK_BYTES:
                self._n_to_skip = start + size
            elif len(self._rest) < start + size:
                return
            else:
                content = bytes(self._rest[start : start + size])
                del self._rest[: start + size]
                yield kind, content

    def _read(self, kind: int, content: bytes) -> bytes:
        """What an element says; the packet in it, if it holds one of the Opus track."""
        if kind == _Element.EBML:
            self._begun = True
            self._tracks.clear()
        elif kind in (_Element.BLOCK, _Element.SIMPLE_BLOCK):
            return self._packet(content)
        elif kind == _Element.TRACK_ENTRY:
            if len(self._tracks) >= MAX_TRACKS:
                raise PeerError(_INVALID_DATA, "too many tracks")
            self._tracks.append(_Track())
        elif self._tracks:
            self._describe(self._tracks[-1], kind, content)
        return b""

    @staticmethod
    def _describe(track: _Track, kind: int, content: bytes) -> None:
        match kind:
            case _Element.TRACK_NUMBER:
                track.number = int.from_bytes(content, "big")
            case _Element.CODEC_ID:
                track.codec = content.rstrip(b"\0")
            case _Element.CHANNELS:
                track.n_channels = int.from_bytes(content, "big")

    def _packet(self, block: bytes) -> bytes:
        """The packet in a block: track, time, flags, and the rest; empty if it is not of Opus."""
        number = _read_integer(block, 0)
        if number is None or len(block) < number[1] + 3:
            raise PeerError(_INVALID_DATA, "a WebM block that is cut off")
        if number[0] != self._opus_track().number:
            return b""
        if block[number[1] + 2] & _LACING:
            raise PeerError(_INVALID_DATA, "WebM with several packets in a block")
        return block[number[1] + 3 :]

    def _opus_track(self) -> _Track:
        for track in self._tracks:
            if track.codec == b"A_OPUS":
                return track
        raise PeerError(_INVALID_DATA, "WebM without Opus")


def _read_header(data: bytes | bytearray) -> tuple[int, int | None, int] | None:
    """Identifier, size (None: unknown) and length of an element's header; None: it is cut off."""
    if not data:
        return None
    n_id = _n_bytes(data[0])
    if n_id > 4:
        raise PeerError(_INVALID_DATA, "not WebM")
    size = _read_integer(data, n_id)
    if size is None:
        return None
    value, end = size
    unknown = value == (1 << 7 * (end - n_id)) - 1
    return int.from_bytes(data[:n_id], "big"), None if unknown else value, end


def _read_integer(data: bytes | bytearray, start: int) -> tuple[int, int] | None:
    """A number of variable length and where it ends; None: it is cut off."""
    if len(data) <= start:
        return None
    n = _n_bytes(data[start])
    if n > 8:
        raise PeerError(_INVALID_DATA, "not WebM")
    if len(data) < start + n:
        return None
    value = int.from_bytes(data[start : start + n], "big")
    return value & ((1 << 7 * n) - 1), start + n  # without the bit that marks the length


def _n_bytes(first: int) -> int:
    """Length of a number, which the zero bits in front of its first one tell."""
    return 9 - first.bit_length()
