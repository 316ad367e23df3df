"""The sound of a session beside the journal: Ogg Opus, written while the session runs.

Encoding and writing have a thread of their own, behind a bounded queue. A page of the file is
written at least every half second and the file is never in need of an ending, so that a kill takes
a second of sound at most. The position in the file is session time: what was lost on the
way to the recogniser, or while the disk was too slow, is silence there.

An hour of speech takes 11 MB (measured: 206 kB for the 69.5 s of the demo); silence takes less.
"""

import asyncio
import itertools
import logging
import queue
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError

from engine.audio import SAMPLE_RATE_HZ, AudioChunk, Samples

T = TypeVar("T")

logger = logging.getLogger(__name__)

BIT_RATE = 24_000
MAX_WAITING = 150
"""Chunks that wait for the disk: a minute of sound at most, 4 MB."""
PATIENCE_S = 1.0
"""How long a source that is read as fast as possible waits for the disk, once."""
CLOSE_S = 10.0
"""How long the end of a session waits for the disk."""

_FRAME_SAMPLES = SAMPLE_RATE_HZ // 50  # what Opus takes at a time
_SHORTEST_GAP_SAMPLES = SAMPLE_RATE_HZ // 10  # less is taken for jitter of the chunks' times
_FRAMES_TO_SILENCE = 5
_LONGEST_GAP_SAMPLES = 300 * SAMPLE_RATE_HZ  # readers take a larger jump for an error
_OPTIONS = {"page_duration": "500000", "flush_packets": "1"}  # microseconds


def recording_file(journal: Path, session: str) -> Path:
    """Where the sound of a session is kept, beside the journal."""
    return journal.with_name(f"{journal.stem}-sound") / f"{session}.opus"


class SoundRecording:
    """Records one stream; never raises, never waits: the session is worth more than its sound."""

    def __init__(self, path: Path) -> None:
        """Record into a new file; missing folders are made with the first chunk."""
        self.path = path
        self.n_skipped = 0
        """Chunks that the disk was too slow for."""
        self._chunks: queue.Queue[AudioChunk | None] = queue.Queue(MAX_WAITING)
        self._failed = False
        self._too_slow = False
        self._thread = threading.Thread(target=self._run, name="sound recording", daemon=True)
        self._thread.start()

    def write(self, chunk: AudioChunk) -> None:
        """Add a chunk, which follows those before it."""
        if self._failed:
            return
        try:
            self._chunks.put_nowait(chunk)
        except queue.Full:
            self.n_skipped += 1
            if self.n_skipped == 1:
                logger.error("%s: the disk is too slow; some sound is missing", self.path)

    @property
    def behind(self) -> bool:
        """Whether so much waits that `catch_up` would help."""
        return self._chunks.qsize() > MAX_WAITING // 2 and not self._too_slow

    def catch_up(self) -> None:
        """Wait, off the event loop, until less is waiting; a disk that hangs is given up."""
        deadline = time.monotonic() + PATIENCE_S
        while self.behind:
            self._too_slow = time.monotonic() > deadline
            time.sleep(0.01)

    def close(self) -> None:
        """Write what waits and close the file; a disk that hangs is not waited for."""
        try:
            self._chunks.put(None, timeout=CLOSE_S)
        except queue.Full:
            logger.error("%s: the disk takes nothing more; the end is missing", self.path)
        else:
            self._thread.join(CLOSE_S)

    def _run(self) -> None:
        chunks = iter(self._chunks.get, None)
        try:
            first = next(chunks, None)
            if first is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                _write_file(self.path, itertools.chain((first,), chunks))
        except (FFmpegError, OSError) as error:
            self._failed = True
            reason = error.strerror or str(error)
            logger.error("cannot record %s: %s; the session goes on without", self.path, reason)
            for _ in chunks:  # until the end, so that nobody waits for room
                pass


async def recorded(items: AsyncIterator[T], file: Path) -> AsyncGenerator[T, None]:
    """Pass the items of a source on and record those that are sound; both are closed at the end."""
    recording = SoundRecording(file)
    try:
        async for item in items:
            if isinstance(item, AudioChunk):
                if recording.behind:
                    await asyncio.to_thread(recording.catch_up)
                recording.write(item)
            yield item
    finally:
        await asyncio.to_thread(recording.close)
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


class _OpusWriter:
    """Cuts chunks into the frames of the encoder and writes what comes out of it."""

    def __init__(self, container: OutputContainer, stream: AudioStream) -> None:
        self._container = container
        self._stream = stream
        self._rest: Samples = np.zeros(0, np.float32)
        self._position = 0  # sample after the last frame encoded

    def write(self, chunk: AudioChunk) -> None:
        """Encode a chunk where its time says, the place in front of it left silent."""
        gap = round(chunk.start_s * SAMPLE_RATE_HZ) - self._position - len(self._rest)
        if gap >= _SHORTEST_GAP_SAMPLES:
            self._skip(gap)
        samples = np.concatenate((self._rest, chunk.samples))
        n_whole = len(samples) // _FRAME_SAMPLES * _FRAME_SAMPLES
        for begin in range(0, n_whole, _FRAME_SAMPLES):
            self._encode(samples[begin : begin + _FRAME_SAMPLES])
        self._rest = samples[n_whole:]

    def finish(self) -> None:
        """Encode the rest, and empty the encoder."""
        self._encode_rest()
        self._container.mux(self._stream.encode(None))

    def _skip(self, n_samples: int) -> None:
        end = self._position + len(self._rest) + n_samples
        self._encode_rest()
        self._encode_silence()
        while end - self._position > _LONGEST_GAP_SAMPLES:
            self._position += _LONGEST_GAP_SAMPLES
            self._encode_silence()
        self._position = max(self._position, end)

    def _encode_silence(self) -> None:
        """Encode as much silence as the codec needs to forget what was before."""
        for _ in range(_FRAMES_TO_SILENCE):
            self._encode(np.zeros(_FRAME_SAMPLES, np.float32))

    def _encode_rest(self) -> None:
        """Encode what is less than a frame, silence behind it."""
        if len(self._rest):
            self._encode(np.pad(self._rest, (0, _FRAME_SAMPLES - len(self._rest))))
            self._rest = np.zeros(0, np.float32)

    def _encode(self, samples: Samples) -> None:
        pcm = (np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16)
        frame = AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        frame.pts = self._position
        self._position += _FRAME_SAMPLES
        self._container.mux(self._stream.encode(frame))


def _write_file(path: Path, chunks: Iterator[AudioChunk]) -> None:
    """Write a new file; what is in it when an error comes stays readable."""
    with av.open(str(path), "w", format="ogg", options=_OPTIONS) as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE_HZ)
        stream.bit_rate = BIT_RATE
        stream.layout = "mono"
        stream.options = {"application": "voip", "frame_duration": "20"}
        writer = _OpusWriter(container, stream)
        for chunk in chunks:
            writer.write(chunk)
        writer.finish()
