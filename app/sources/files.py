"""Sound from a file or a URL, as fast as it is asked for or at the pace of a microphone."""

import asyncio
import math
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

from app.sources.decoding import SoundFile
from app.sources.timer import Timer
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, Samples

P = ParamSpec("P")
R = TypeVar("R")

Pace = Literal["real", "fast"]
Progress = Callable[[float, float | None], None]
"""Called with the seconds given so far and the length the file announces, if it does."""


async def read_file(
    path: Path | str,
    *,
    pace: Pace,
    step_s: float = 0.1,
    progress: Progress | None = None,
    timer: Timer | None = None,
) -> AsyncIterator[AudioChunk]:
    """Give the sound of a file or a URL in chunks of `step_s` seconds, the last one shorter.

    At `real` pace a chunk comes when its last sample would have been spoken. The deadlines count
    from the first chunk: a consumer that is late is not waited for again, and nothing drifts.
    Decoding runs in a thread, one chunk ahead of need at most, for which nobody who leaves has to
    wait: a server that stalls may hold it for half a minute.

    Raises:
        SourceError: no such file, not a sound or video file, without sound, or of length zero.
        ValueError: `step_s` is not a positive number.
    """
    if not (math.isfinite(step_s) and step_s > 0):
        raise ValueError(f"step_s is {step_s}; expected a positive number of seconds")
    n_step = max(round(step_s * SAMPLE_RATE_HZ), 1)
    timer = timer or Timer()
    reader = await _in_thread(_Reader, path)
    try:
        begin = timer.now()
        n_given = 0
        while len(samples := await _in_thread(reader.read, n_step)):
            chunk = AudioChunk(samples, n_given / SAMPLE_RATE_HZ)
            n_given += len(samples)
            if pace == "real":
                await timer.sleep(max(begin + chunk.end_s - timer.now(), 0.0))
            if progress is not None:
                progress(chunk.end_s, reader.duration_s)
            yield chunk
    finally:
        reader.close()


class _Reader:
    """A `SoundFile` that may be closed while a thread still reads from it."""

    def __init__(self, path: Path | str) -> None:
        self._file = SoundFile(path)
        self._lock = threading.Lock()
        self._reading = False
        self._closed = False
        self.duration_s = self._file.duration_s

    def read(self, n_samples: int) -> Samples:
        with self._lock:
            if self._closed:
                raise RuntimeError("the sound file is closed")
            self._reading = True
        try:
            return self._file.read(n_samples)
        finally:
            with self._lock:
                self._reading = False
                if self._closed:
                    self._file.close()

    def close(self) -> None:
        """Close the file now, or when it has been read from: a server may have stalled."""
        with self._lock:
            self._closed = True
            if not self._reading:
                self._file.close()


async def _in_thread(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """`asyncio.to_thread`, but the end of the program does not wait for the call."""
    future: Future[R] = Future()
    future.set_running_or_notify_cancel()  # who is cancelled leaves; the call goes on to its end

    def run() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="sound file", daemon=True).start()
    return await asyncio.wrap_future(future)
