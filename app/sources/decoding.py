"""The sound of a file or a URL as 16 kHz mono, decoded piece by piece with PyAV."""

import errno
import logging
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from app.sources.errors import OnceLogger, SourceError
from engine.audio import SAMPLE_RATE_HZ, AudioError, AudioNormalizer, Samples

logger = logging.getLogger(__name__)

_SHORTEST_GAP_S = 0.1
_LONGEST_GAP_S = 600.0  # a larger jump of the time stamps is taken for an error in them
_SHORT_BY_S = 1.0  # a file that ends this much before its announced length counts as cut off
_SHORT_BY_SHARE = 0.02  # … and by this share, since some lengths are estimates
_SCHEMES = ("http://", "https://", "rtmp://", "rtmps://", "rtsp://")
_NETWORK_S = (10.0, 30.0)  # how long to wait for a server to answer, and to go on
_UNKNOWN_LENGTH = 0xFFFF_FFFF  # in the header of a wave file that was written to a pipe


def is_url(source: str) -> bool:
    """Whether a source is an address that sound is read from: a web radio, a stream, a file."""
    return source.lower().startswith(_SCHEMES)


class SoundFile:
    """Decodes one file or URL from its start; holds no more than a packet's sound at a time.

    Gaps in the time stamps (a video whose sound starts late) become silence, so that the position
    in the samples is the time in the file.
    """

    def __init__(self, path: Path | str) -> None:
        """Open the file, or the URL (see `is_url`).

        Raises:
            SourceError: no such file, nobody answers, not sound or video, or without sound.
        """
        if isinstance(path, str) and not is_url(path):
            path = Path(path)
        self._path = path
        self._warnings = OnceLogger(logger)
        try:
            self._container: InputContainer = av.open(
                _location(path), mode="r", timeout=None if isinstance(path, Path) else _NETWORK_S
            )
        except (FFmpegError, OSError, ValueError) as error:
            raise SourceError(_opening_error(path, error)) from error
        stream = self._container.streams.best("audio")
        if stream is None:
            self._container.close()
            raise SourceError(f"{path}: has no sound; give a file with an audio track")
        self._stream = stream
        self.duration_s = self._announced_duration()
        """Length that the file announces, or None; often an estimate."""
        self._blocks = self._decode()
        self._rest: Samples = np.zeros(0, np.float32)
        self._n_decoded = 0  # samples at 16 kHz

    def read(self, n_samples: int) -> Samples:
        """The next samples: `n_samples` of them, fewer only at the end, none behind it.

        Raises:
            SourceError: nothing in the file could be decoded.
        """
        parts, n_missing = [], n_samples
        while n_missing > 0:
            if not len(self._rest):
                block = next(self._blocks, None)
                if block is None:
                    break
                self._rest = block
            part, self._rest = self._rest[:n_missing], self._rest[n_missing:]
            parts.append(part)
            n_missing -= len(part)
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def close(self) -> None:
        """Close the file."""
        self._blocks.close()
        self._container.close()

    def __enter__(self) -> Self:
        """The open file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def _announced_duration(self) -> float | None:
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        if self._container.duration is not None:
            return self._container.duration / av.time_base
        return None

    def _decode(self) -> Generator[Samples]:
        """Blocks of sound at 16 kHz, with silence in the gaps of the time stamps."""
        normalizer: AudioNormalizer | None = None
        position_s = 0.0
        for frame in self._frames():
            gap_s = self._frame_time(frame, position_s) - position_s
            silent = _SHORTEST_GAP_S <= gap_s <= _LONGEST_GAP_S
            if normalizer is not None and (silent or normalizer.rate_hz != frame.sample_rate):
                yield from self._counted(normalizer.flush())
                normalizer = None
            if silent:
                for seconds in _pieces(gap_s):
                    yield from self._counted(np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32))
                position_s += gap_s
            if normalizer is None:
                normalizer = self._normalizer(frame.sample_rate)
            yield from self._counted(self._normalized(normalizer, frame))
            position_s += frame.samples / frame.sample_rate
        if normalizer is not None:
            yield from self._counted(normalizer.flush())
        self._check_length()

    def _frames(self) -> Iterator[AudioFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, OSError) as error:
                self._warnings.warn("%s: reading stops early: %s", self._path, error)
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except FFmpegError as error:
                if packet.size:  # else the decoder only refuses to be emptied
                    self._warnings.warn(
                        "%s: parts cannot be decoded and are left out: %s", self._path, error
                    )
                continue
            for frame in frames:
                if isinstance(frame, AudioFrame) and frame.samples and frame.sample_rate:
                    yield frame

    def _frame_time(self, frame: AudioFrame, default_s: float) -> float:
        if frame.time is None:
            return default_s
        start: int | None = self._container.start_time  # None in raw formats
        return frame.time - (start or 0) / av.time_base

    def _normalizer(self, rate_hz: int) -> AudioNormalizer:
        try:
            return AudioNormalizer(rate_hz)
        except AudioError as error:
            raise SourceError(f"{self._path}: {error}") from error

    def _normalized(self, normalizer: AudioNormalizer, frame: AudioFrame) -> Samples:
        try:
            samples = normalizer.feed(_channels_last(frame))
        except ValueError as error:
            raise SourceError(f"{self._path}: cannot be decoded: {error}") from error
        if normalizer.n_invalid:
            self._warnings.warn("%s: samples that are not numbers count as silence", self._path)
        return samples

    def _counted(self, samples: Samples) -> Iterator[Samples]:
        self._n_decoded += len(samples)
        if len(samples):
            yield samples

    def _check_length(self) -> None:
        if not self._n_decoded:
            raise SourceError(f"{self._path}: holds no sound that can be decoded")
        decoded_s = self._n_decoded / SAMPLE_RATE_HZ
        short_by_s = (self.duration_s or 0.0) - decoded_s
        slack_s = max(_SHORT_BY_S, _SHORT_BY_SHARE * decoded_s)
        if short_by_s > slack_s or _is_short_wave(self._path):
            self._warnings.warn("%s: is cut off after %.1f s", self._path, decoded_s)


def _channels_last(frame: AudioFrame) -> NDArray[np.generic]:
    samples = frame.to_ndarray()  # planar: (channels, n); packed: (1, n * channels)
    if frame.format.is_planar:
        return samples.T
    return samples.reshape(-1, frame.layout.nb_channels)


def _pieces(seconds: float) -> Iterator[float]:
    while seconds > 0:
        yield min(seconds, 1.0)
        seconds -= 1.0


def _location(path: Path | str) -> str:
    """As FFmpeg takes it: what is before a colon in a file's name would be a protocol to it."""
    return str(path.absolute()) if isinstance(path, Path) else path


def _opening_error(path: Path | str, error: Exception) -> str:
    if isinstance(path, str):
        return f"{path}: cannot be opened: {_network_error(path, error)}"
    if isinstance(error, FileNotFoundError):
        return f"{path}: no such file"
    if isinstance(error, IsADirectoryError):
        return f"{path}: is a folder; give a file"
    if isinstance(error, PermissionError):
        return f"{path}: may not be read (permission denied)"
    return f"{path}: is not a sound or video file that can be decoded"


def _network_error(url: str, error: Exception) -> str:
    """Why, in words of the system; FFmpeg calls whatever it has no word for an I/O error."""
    if getattr(error, "errno", None) != errno.EIO:
        return getattr(error, "strerror", None) or str(error)
    host = urlsplit(url).hostname
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError) as unknown:
        return f"host {host} not found ({getattr(unknown, 'strerror', None) or 'not a name'})"
    return "the server broke off, or does not speak what the address says"


def _is_short_wave(path: Path | str) -> bool:
    """Whether a RIFF file is shorter than its header says; FFmpeg takes its length as it is."""
    if isinstance(path, str):
        return False
    try:
        with path.open("rb") as file:
            header = file.read(8)
        n_bytes = path.stat().st_size
    except OSError:
        return False
    announced = int.from_bytes(header[4:8], "little") + len(header)
    written_live = announced >= _UNKNOWN_LENGTH
    return header[:4] == b"RIFF" and not written_live and n_bytes < announced - 1
