"""Sound as peers send it, piece by piece, made into samples at 16 kHz."""

from typing import Literal, Protocol

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from av.packet import Packet

from app.protocols.peer import PeerError
from app.protocols.webm import WebmDemuxer
from engine.audio import AudioError, AudioNormalizer, Samples

Encoding = Literal["s16le", "f32le", "opus", "webm"]
ENCODINGS: tuple[Encoding, ...] = ("s16le", "f32le", "opus", "webm")
MAX_CHANNELS = 8
INVALID_DATA = 1007
POLICY_VIOLATION = 1008

_LOWEST_RATE_HZ = 8_000
_HIGHEST_RATE_HZ = 192_000
_OPUS_RATE_HZ = 48_000  # whatever rate was recorded: Opus decodes to this one
_NONE: Samples = np.zeros(0, np.float32)


class SoundDecoder(Protocol):
    """Decodes one stream of sound."""

    def feed(self, data: bytes) -> Samples:
        """The samples that the next piece completes, (n,) at 16 kHz.

        Raises:
            PeerError: the piece is not of the encoding.
        """
        ...

    def flush(self) -> Samples:
        """The samples that are still held back; the stream is over."""
        ...


def make_decoder(encoding: str, rate_hz: int, n_channels: int) -> SoundDecoder:
    """A decoder for a new stream.

    Raises:
        PeerError: an encoding, a rate or a number of channels that is not taken.
    """
    if encoding not in ENCODINGS:
        raise PeerError(POLICY_VIOLATION, f"encoding must be one of {', '.join(ENCODINGS)}")
    if not 1 <= n_channels <= MAX_CHANNELS:
        raise PeerError(POLICY_VIOLATION, f"channels must be from 1 to {MAX_CHANNELS}")
    if not _LOWEST_RATE_HZ <= rate_hz <= _HIGHEST_RATE_HZ:
        raise PeerError(
            POLICY_VIOLATION,
            f"sampling rate must be from {_LOWEST_RATE_HZ} to {_HIGHEST_RATE_HZ} Hz",
        )
    if encoding == "webm":
        return WebmDecoder()
    if encoding == "opus":
        return OpusDecoder(n_channels)
    return PcmDecoder(np.dtype("<i2" if encoding == "s16le" else "<f4"), rate_hz, n_channels)


class PcmDecoder:
    """Raw samples, interleaved; a piece may end within a sample."""

    def __init__(self, kind: np.dtype[np.generic], rate_hz: int, n_channels: int) -> None:
        """Start a stream of samples of that type."""
        self._kind = kind
        self._n_channels = n_channels
        self._normalizer = AudioNormalizer(rate_hz)
        self._rest = b""

    def feed(self, data: bytes) -> Samples:
        """The samples that the next piece completes, (n,) at 16 kHz."""
        data = self._rest + data
        n_used = len(data) // (self._kind.itemsize * self._n_channels)
        n_used *= self._kind.itemsize * self._n_channels
        self._rest = data[n_used:]
        if not n_used:
            return _NONE
        samples = np.frombuffer(data[:n_used], self._kind)
        return self._normalizer.feed(samples.reshape(-1, self._n_channels))

    def flush(self) -> Samples:
        """The samples that are still held back; the stream is over."""
        return self._normalizer.flush()


class OpusDecoder:
    """Opus packets, one a piece, without a container."""

    def __init__(self, n_channels: int) -> None:
        """Start a stream."""
        context = av.CodecContext.create("opus", "r")
        assert isinstance(context, AudioCodecContext)
        context.sample_rate = _OPUS_RATE_HZ
        context.layout = "mono" if n_channels == 1 else "stereo"
        self._context = context
        self._normalizer = AudioNormalizer(_OPUS_RATE_HZ)

    def feed(self, data: bytes) -> Samples:
        """The samples of a packet, (n,) at 16 kHz.

        Raises:
            PeerError: it is not an Opus packet.
        """
        if not data:
            return _NONE
        try:
            frames = self._context.decode(Packet(data))
            parts = [self._normalizer.feed(_channels_last(frame)) for frame in frames]
        except (FFmpegError, AudioError, ValueError) as error:
            raise PeerError(INVALID_DATA, "not an Opus packet") from error
        return np.concatenate(parts) if parts else _NONE

    def flush(self) -> Samples:
        """The samples that are still held back; the stream is over."""
        return self._normalizer.flush()


class WebmDecoder:
    """Opus in WebM, as browsers record it; a piece may end anywhere."""

    def __init__(self) -> None:
        """Start a stream."""
        self._demuxer = WebmDemuxer()
        self._opus: OpusDecoder | None = None

    def feed(self, data: bytes) -> Samples:
        """The samples of the packets that the next piece completes, (n,) at 16 kHz.

        Raises:
            PeerError: it is not Opus in WebM.
        """
        packets = self._demuxer.feed(data)
        if packets and self._opus is None:
            self._opus = OpusDecoder(self._demuxer.n_channels)
        parts = [self._opus.feed(packet) for packet in packets if self._opus is not None]
        return np.concatenate(parts) if parts else _NONE

    def flush(self) -> Samples:
        """The samples that are still held back; the stream is over."""
        return _NONE if self._opus is None else self._opus.flush()


def _channels_last(frame: AudioFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    samples = frame.to_ndarray()  # planar: (channels, n); packed: (1, n * channels)
    if frame.format.is_planar:
        return samples.T
    return samples.reshape(-1, frame.layout.nb_channels)
