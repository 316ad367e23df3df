import asyncio
import logging
import math
import os
import struct
import sys
import threading
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sources import files
from app.sources.decoding import SoundFile
from app.sources.errors import SourceError
from app.sources.files import read_file
from app.sources.text import Utf8Decoder, read_text
from app.sources.timer import Timer
from engine.audio import SAMPLE_RATE_HZ, AudioChunk
from tests.patience import TIMEOUT_S

TONE_HZ = 440.0


def tone(seconds: float, rate_hz: int, hz: float = TONE_HZ) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(
        np.float32
    )


def write_sound(
    path: Path,
    codec: str,
    *,
    seconds: float = 1.0,
    rate_hz: int = 48_000,
    layout: str = "stereo",
    video: bool = False,
) -> Path:
    n_channels = 2 if layout == "stereo" else 1
    samples = np.repeat(tone(seconds, rate_hz)[:, None], n_channels, axis=1)
    pcm = np.ascontiguousarray((samples * 32767).astype(np.int16)).reshape(1, -1)
    with av.open(str(path), "w") as container:
        if video:
            picture = container.add_stream("mpeg4", rate=10)
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        assert isinstance(stream, av.AudioStream)
        if video:
            for _ in range(round(seconds * 10)):
                image = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
                container.mux(picture.encode(image))
            container.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout=layout)
        frame.sample_rate = rate_hz
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_wav(path: Path, pcm: np.ndarray, rate_hz: int = SAMPLE_RATE_HZ) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((pcm * 32767).astype("<i2").tobytes())
    return path


async def collect(chunks: AsyncIterator[AudioChunk]) -> list[AudioChunk]:
    return [chunk async for chunk in chunks]


async def read_all(path: Path) -> np.ndarray:
    return np.concatenate([chunk.samples async for chunk in read_file(path, pace="fast")])


def loudest_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum) * SAMPLE_RATE_HZ / len(samples))


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz", "layout", "video"),
    [
        ("a.wav", "pcm_s16le", 44_100, "stereo", False),
        ("a.wav", "pcm_u8", 8_000, "mono", False),
        ("a.wav", "pcm_f32le", 16_000, "mono", False),
        ("a.flac", "flac", 44_100, "stereo", False),
        ("a.opus", "libopus", 48_000, "stereo", False),
        ("a.mp3", "libmp3lame", 44_100, "stereo", False),
        ("a.m4a", "aac", 48_000, "stereo", False),
        ("a.mp4", "aac", 44_100, "stereo", True),
        ("a.mkv", "libopus", 48_000, "mono", True),
    ],
)
async def test_sound_of_any_format_becomes_16_khz_mono(
    tmp_path: Path, name: str, codec: str, rate_hz: int, layout: str, video: bool
) -> None:
    path = write_sound(tmp_path / name, codec, rate_hz=rate_hz, layout=layout, video=video)
    samples = await read_all(path)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(SAMPLE_RATE_HZ, abs=0.1 * SAMPLE_RATE_HZ)
    middle = samples[4000:12000]
    assert loudest_hz(middle) == pytest.approx(TONE_HZ, abs=3)
    assert float(np.abs(middle).max()) == pytest.approx(0.3, abs=0.06)


@pytest.mark.skipif(sys.platform == "win32", reason="no file is named so there")
@pytest.mark.parametrize("name", ["12:30.wav", "https:talk.wav"])
async def test_a_name_with_a_colon_is_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write_wav(tmp_path / name, tone(0.5, SAMPLE_RATE_HZ))
    monkeypatch.chdir(tmp_path)
    assert len(await read_all(Path(name))) == 8_000


async def test_chunks_have_the_step_and_follow_one_another(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(1.05, SAMPLE_RATE_HZ))
    chunks = await collect(read_file(path, pace="fast", step_s=0.1))
    assert [len(chunk.samples) for chunk in chunks] == [1600] * 10 + [800]
    assert all(a.end_s == pytest.approx(b.start_s) for a, b in pairwise(chunks))


async def test_progress_tells_seconds_given_and_the_length(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(0.3, SAMPLE_RATE_HZ))
    told: list[object] = []
    await collect(read_file(path, pace="fast", progress=lambda *told_now: told.append(told_now)))
    assert told == [(pytest.approx(t), pytest.approx(0.3)) for t in (0.1, 0.2, 0.3)]


class FakeTime:
    """Time that passes only by sleeping, and by what the consumer takes."""

    def __init__(self) -> None:
        self.now_s = 100.0

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds * 1.01  # sleeps are never exact


async def test_real_pace_keeps_to_deadlines_and_does_not_drift(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.zeros(20 * SAMPLE_RATE_HZ, np.float32))
    clock = FakeTime()
    timer = Timer(now=lambda: clock.now_s, sleep=clock.sleep)
    async for chunk in read_file(path, pace="real", timer=timer):
        assert clock.now_s - 100.0 == pytest.approx(chunk.end_s, abs=0.005)


async def test_real_pace_does_not_wait_for_a_consumer_that_was_late(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.zeros(SAMPLE_RATE_HZ, np.float32))
    clock = FakeTime()
    timer = Timer(now=lambda: clock.now_s, sleep=clock.sleep)
    arrivals = []
    async for chunk in read_file(path, pace="real", timer=timer):
        arrivals.append(clock.now_s - 100.0)
        if chunk.start_s == 0:
            clock.now_s += 0.45
    assert arrivals[1:5] == pytest.approx([arrivals[0] + 0.45] * 4)
    assert arrivals[-1] == pytest.approx(1.0, abs=0.01)


def holds_no_sound(path: Path) -> None:
    write_wav(path, np.zeros(0, np.float32))


def holds_text(path: Path) -> None:
    path.write_text("not sound at all\n" * 100)


def holds_nothing(path: Path) -> None:
    path.write_bytes(b"")


def is_folder(path: Path) -> None:
    path.mkdir()


def holds_pictures(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
        image = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
        container.mux(picture.encode(image))
        container.mux(picture.encode(None))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "no such file"),
        (holds_no_sound, "holds no sound"),
        (holds_text, "not a sound or video file"),
        (holds_nothing, "not a sound or video file"),
        (is_folder, "is a folder"),
        (holds_pictures, "no sound"),
    ],
)
async def test_a_file_that_cannot_be_heard_is_one_clear_line(
    tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    path = tmp_path / "bad.wav"
    make(path)
    with pytest.raises(SourceError, match=says) as caught:
        await collect(read_file(path, pace="fast"))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_file_cut_off_in_the_middle_is_heard_to_there_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = write_sound(tmp_path / "a.flac", "flac", seconds=10, rate_hz=16_000, layout="mono")
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) // 2])
    with caplog.at_level(logging.WARNING):
        samples = await read_all(whole)
    assert 3 * SAMPLE_RATE_HZ < len(samples) < 8 * SAMPLE_RATE_HZ
    assert len(caplog.records) >= 1
    assert all(str(whole) in record.getMessage() for record in caplog.records)


async def test_a_wav_file_cut_off_is_heard_to_there_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = write_wav(tmp_path / "a.wav", tone(10, SAMPLE_RATE_HZ))
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) // 2])
    with caplog.at_level(logging.WARNING):
        samples = await read_all(whole)
    assert len(samples) == pytest.approx(5 * SAMPLE_RATE_HZ, abs=100)
    assert [record.getMessage().count("cut off") for record in caplog.records] == [1]


async def test_broken_packets_in_the_middle_are_left_out_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_sound(tmp_path / "a.mp3", "libmp3lame", seconds=10, rate_hz=44_100)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 6000] = bytes(range(256)) * 23 + bytes(112)
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        samples = await read_all(path)
    assert len(samples) > 8 * SAMPLE_RATE_HZ
    assert len(caplog.records) <= 1


async def test_samples_that_are_not_numbers_count_as_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = tone(1, SAMPLE_RATE_HZ)
    samples[5000:5100] = np.nan
    samples[6000] = np.inf
    samples[7000] = 5.0
    path = tmp_path / "nan.wav"
    data = samples.tobytes()
    header = struct.pack("<HHIIHH", 3, 1, SAMPLE_RATE_HZ, 4 * SAMPLE_RATE_HZ, 4, 32)
    path.write_bytes(
        b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16)
        + header + b"data" + struct.pack("<I", len(data)) + data
    )  # fmt: skip
    heard = await read_all(path)
    assert np.isfinite(heard).all()
    assert np.all(heard[5000:5100] == 0)
    assert heard[6000] == 0
    assert heard[7000] == 1.0
    assert len(caplog.records) == 1


async def test_sound_that_starts_late_in_a_video_keeps_its_time(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    rate_hz, late_s = 48_000, 1.5
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
        stream = container.add_stream("flac", rate=rate_hz, layout="mono")
        for _ in range(30):
            image = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
            container.mux(picture.encode(image))
        container.mux(picture.encode(None))
        pcm = (tone(1.0, rate_hz) * 32767).astype(np.int16)
        for begin in range(0, len(pcm), 4800):
            frame = av.AudioFrame.from_ndarray(pcm[None, begin : begin + 4800], "s16", "mono")
            frame.sample_rate = rate_hz
            frame.pts = round(late_s * rate_hz) + begin
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    samples = await read_all(path)
    first = int(np.flatnonzero(np.abs(samples) > 0.1)[0])
    assert first / SAMPLE_RATE_HZ == pytest.approx(late_s, abs=0.05)


async def test_a_consumer_that_leaves_early_closes_the_file(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(5, SAMPLE_RATE_HZ))
    chunks = read_file(path, pace="fast")
    await anext(chunks)
    assert isinstance(chunks, AsyncGenerator)
    await chunks.aclose()
    path.unlink()


async def test_cancelling_while_a_chunk_is_due_closes_the_file(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(5, SAMPLE_RATE_HZ))
    waiting = asyncio.Event()

    async def wait_for_ever(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    timer = Timer(sleep=wait_for_ever)
    task = asyncio.create_task(collect(read_file(path, pace="real", timer=timer)))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_nobody_waits_for_a_server_that_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, goes_on, closed = threading.Event(), threading.Event(), threading.Event()

    class Stalled:
        duration_s = None

        def read(self, n_samples: int) -> np.ndarray:
            reading.set()
            goes_on.wait()
            return np.zeros(n_samples, np.float32)

        def close(self) -> None:
            assert goes_on.is_set(), "closed while it is read"
            closed.set()

    async def leave() -> None:
        task = asyncio.create_task(collect(read_file("http://localhost/radio", pace="real")))
        await asyncio.to_thread(reading.wait)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    monkeypatch.setattr(files, "SoundFile", lambda _: Stalled())
    asyncio.run(leave())
    goes_on.set()
    assert closed.wait(TIMEOUT_S)


def test_a_long_file_is_never_in_memory(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "long.wav", np.zeros(600 * SAMPLE_RATE_HZ, np.float32))
    with SoundFile(path) as file:
        n_samples = 0
        while len(samples := file.read(1600)):
            n_samples += len(samples)
            assert len(file._rest) <= SAMPLE_RATE_HZ
    assert n_samples == 600 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("step_s", [0.0, -1.0, math.nan, math.inf])
async def test_a_step_that_is_no_duration_is_refused(tmp_path: Path, step_s: float) -> None:
    with pytest.raises(ValueError, match="step_s"):
        await collect(read_file(tmp_path / "a.wav", pace="fast", step_s=step_s))


# Text


def pipe_with(data: bytes) -> int:
    read_end, write_end = os.pipe()
    os.write(write_end, data)
    os.close(write_end)
    return read_end


async def read_and_close(fd: int) -> str:
    try:
        return "".join([text async for text in read_text(fd)])
    finally:
        os.close(fd)


async def test_text_comes_as_soon_as_it_is_typed() -> None:
    read_end, write_end = os.pipe()
    pieces = read_text(read_end)
    try:
        for typed in ("we ", "have", " to", "\n"):
            os.write(write_end, typed.encode())
            assert await anext(pieces) == typed
        os.close(write_end)
        assert [piece async for piece in pieces] == []
    finally:
        os.close(read_end)


async def test_a_character_in_two_reads_is_one_character() -> None:
    read_end, write_end = os.pipe()
    pieces = read_text(read_end)
    data = "schön".encode()
    os.write(write_end, data[:4])
    assert await anext(pieces) == "sch"
    os.write(write_end, data[4:])
    os.close(write_end)
    assert "".join([piece async for piece in pieces]) == "ön"
    os.close(read_end)


async def test_bytes_that_are_not_utf8_are_marked_with_one_warning_and_text_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = await read_and_close(pipe_with(b"gr\xfc\xdfe\n" + b"\xff\xfe" + "weiter ü\n".encode()))
    assert text == "gr\ufffd\ufffde\n\ufffd\ufffdweiter ü\n"
    assert len(caplog.records) == 1


async def test_half_a_character_at_the_end_is_marked() -> None:
    assert await read_and_close(pipe_with("aü".encode()[:2])) == "a\ufffd"


async def test_a_file_and_a_line_of_10_000_words_are_read(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    line = "words " * 10_000 + "\n"
    path.write_text(line)
    fd = os.open(path, os.O_RDONLY)
    assert await read_and_close(fd) == line


async def test_a_terminal_is_read_line_by_line() -> None:
    ours, theirs = os.openpty()
    pieces = read_text(theirs)
    os.write(ours, b"hello\n")
    assert await anext(pieces) == "hello\n"
    os.write(ours, b"\x04")  # end of input
    assert [piece async for piece in pieces] == []
    os.close(ours)
    os.close(theirs)


async def test_a_reader_that_waits_can_be_cancelled() -> None:
    read_end, write_end = os.pipe()
    pieces = read_text(read_end)
    os.write(write_end, b"x")
    assert await anext(pieces) == "x"
    task = asyncio.ensure_future(anext(pieces))
    await asyncio.wait([task], timeout=0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    os.close(write_end)
    os.close(read_end)


async def test_a_descriptor_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "out.txt", os.O_WRONLY | os.O_CREAT)
    with pytest.raises(SourceError, match="input cannot be read"):
        await anext(read_text(fd))
    os.close(fd)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5))
def test_text_does_not_depend_on_where_reads_end(data: bytes, cuts: list[int]) -> None:
    decoder = Utf8Decoder()
    edges = [0, *sorted(cuts), len(data)]
    text = "".join(decoder.decode(data[a:b]) for a, b in pairwise(edges))
    assert text + decoder.decode(b"", final=True) == data.decode("utf-8", "replace")
