"""Raw PCM from standard input: samples without a header, as recorders and FFmpeg write them."""

from collections.abc import AsyncIterator
from contextlib import closing
from typing import Literal

import numpy as np

from app.sources.descriptor import DescriptorReader, standard_input
from app.sources.files import Pace
from app.sources.timer import Timer
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, AudioNormalizer

SampleFormat = Literal["s16le", "s32le", "f32le"]
"""FFmpeg's names: signed 16 and 32 bit, 32 bit float; all little-endian."""

_TYPES: dict[SampleFormat, str] = {"s16le": "<i2", "s32le": "<i4", "f32le": "<f4"}


async def read_raw(
    sample_format: SampleFormat,
    *,
    rate_hz: int,
    n_channels: int,
    pace: Pace,
    step_s: float = 0.1,
    fd: int | None = None,
    timer: Timer | None = None,
) -> AsyncIterator[AudioChunk]:
    """Give the sound in chunks of about `step_s` seconds, the last one shorter.

    At `real` pace no chunk comes before its last sample would have been spoken: sound that is
    piped in faster than that is held back, live sound is not. Bytes at the end that make no whole
    sample of all channels are left out.

    Args:
        sample_format: of every sample; channels are interleaved.
        rate_hz: sampling rate.
        n_channels: 1 or more.
        pace: `real` or `fast`.
        step_s: length of a chunk, in seconds.
        fd: file descriptor to read; standard input without. It is not closed.
        timer: the clock of the pace.

    Raises:
        SourceError: standard input is closed, or reading failed.
        AudioError: a rate that no sound has.
    """
    timer = timer or Timer()
    sample_type = np.dtype(_TYPES[sample_format])
    frame_bytes = sample_type.itemsize * n_channels
    step_bytes = max(round(step_s * rate_hz), 1) * frame_bytes
    normalizer = AudioNormalizer(rate_hz)
    waiting = b""
    n_given = 0
    begin_s: float | None = None
    with closing(DescriptorReader(standard_input() if fd is None else fd)) as reader:
        ended = False
        while not ended:
            data = await reader.read()
            ended = not data
            waiting += data
            if len(waiting) < step_bytes and not ended:
                continue
            n_bytes = len(waiting) // frame_bytes * frame_bytes
            block = np.frombuffer(waiting[:n_bytes], sample_type).reshape(-1, n_channels)
            waiting = waiting[n_bytes:]
            samples = normalizer.feed(block)
            if ended:
                samples = np.concatenate((samples, normalizer.flush()))
            if not len(samples):
                continue
            chunk = AudioChunk(samples, n_given / SAMPLE_RATE_HZ)
            n_given += len(samples)
            if begin_s is None:
                begin_s = timer.now() - chunk.end_s
            if pace == "real":
                await timer.sleep(max(begin_s + chunk.end_s - timer.now(), 0.0))
            yield chunk
