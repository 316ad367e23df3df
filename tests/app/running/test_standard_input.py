"""Raw sound on standard input, and sound from a URL."""

import asyncio
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from app.sources.errors import SourceError
from app.sources.files import read_file
from app.sources.raw import SampleFormat, read_raw
from app.sources.timer import Timer
from engine.audio import SAMPLE_RATE_HZ, AudioChunk
from tests.app.conftest import Machine
from tests.app.running.test_run import QUIET, Dragoman, captions_of
from tests.app.sources.test_sources import TONE_HZ, FakeTime, loudest_hz, tone, write_wav


async def read_bytes(
    data: bytes, sample_format: SampleFormat, *, rate_hz: int = SAMPLE_RATE_HZ, n_channels: int = 1
) -> list[AudioChunk]:
    read_end, write_end = os.pipe()
    writing = asyncio.create_task(asyncio.to_thread(write_all, write_end, data))
    chunks = read_raw(
        sample_format, rate_hz=rate_hz, n_channels=n_channels, pace="fast", fd=read_end
    )
    found = [chunk async for chunk in chunks]
    await writing
    os.close(read_end)
    return found


def write_all(fd: int, data: bytes) -> None:
    with os.fdopen(fd, "wb") as file:
        file.write(data)


@pytest.mark.parametrize(
    ("sample_format", "scale", "kind"),
    [("s16le", 2**15 - 1, "<i2"), ("s32le", 2**31 - 1, "<i4"), ("f32le", 1, "<f4")],
)
async def test_raw_samples_of_any_rate_become_16_khz_mono(
    sample_format: SampleFormat, scale: int, kind: str
) -> None:
    stereo = np.repeat(tone(1.0, 48_000)[:, None].astype(np.float64), 2, axis=1) * scale
    data = stereo.astype(kind).tobytes()
    chunks = await read_bytes(data, sample_format, rate_hz=48_000, n_channels=2)
    samples = np.concatenate([chunk.samples for chunk in chunks])
    assert len(samples) == SAMPLE_RATE_HZ
    assert loudest_hz(samples[4000:12_000]) == pytest.approx(TONE_HZ, abs=3)
    assert float(np.abs(samples).max()) == pytest.approx(0.3, abs=0.01)
    assert chunks[-1].end_s == pytest.approx(1.0)


async def test_half_a_sample_at_the_end_is_left_out() -> None:
    (chunk,) = await read_bytes(b"\x00\x40\x00", "s16le")
    assert chunk.samples.tolist() == [0.5]


async def test_sound_that_is_piped_in_too_fast_is_held_back() -> None:
    read_end, write_end = os.pipe()
    write_all(write_end, np.zeros(16_000, "<i2").tobytes())
    time = FakeTime()
    timer = Timer(now=lambda: time.now_s, sleep=time.sleep)
    chunks = read_raw("s16le", rate_hz=16_000, n_channels=1, pace="real", fd=read_end, timer=timer)
    lengths_s = [chunk.duration_s async for chunk in chunks]
    os.close(read_end)
    assert sum(lengths_s) == pytest.approx(1.0)
    assert time.now_s - 100.0 == pytest.approx(1.0 - lengths_s[0], abs=0.02)


def test_sound_on_standard_input_becomes_captions(machine: Machine, dragoman: Dragoman) -> None:
    data = (tone(3.0, 16_000) * 32767).astype("<i2").tobytes()
    options = ("--input-format", "s16le", "--rate", "16000", "--channels", "1", "--pace", "fast")
    done = dragoman("-", *options, *QUIET, "--jsonl", "-", typed=data)
    assert done.returncode == 0, done.stderr
    assert captions_of(done.stdout)[-1].source.full.startswith("word")


def test_text_that_is_revised_elsewhere_becomes_captions(dragoman: Dragoman) -> None:
    lines = (
        '{"committed": "", "tentative": "we halve"}\n'
        '{"committed": "we have", "tentative": "it"}\n'
        '{"committed": "we have it", "finished": true}\n'
        '{"tentative": "and more"}\n'
    )
    done = dragoman("-", "--input-format", "json", *QUIET, "--jsonl", "-", typed=lines)
    assert done.returncode == 0, done.stderr
    finals = [caption.source.full for caption in captions_of(done.stdout) if caption.final]
    assert finals == ["we have it", "and more"]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A web server on this machine with a recording."""
    write_wav(tmp_path / "a.wav", tone(1.0, SAMPLE_RATE_HZ))
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_sound_of_a_url_is_read(address: str) -> None:
    chunks = [chunk async for chunk in read_file(f"{address}/a.wav", pace="fast")]
    samples = np.concatenate([chunk.samples for chunk in chunks])
    assert loudest_hz(samples) == pytest.approx(TONE_HZ, abs=3)
    assert chunks[-1].end_s == pytest.approx(1.0)


async def test_a_url_that_does_not_answer_is_one_clear_line(address: str) -> None:
    with pytest.raises(SourceError, match=r"none\.wav: cannot be opened"):
        await anext(read_file(f"{address}/none.wav", pace="fast"))
