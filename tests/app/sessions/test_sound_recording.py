"""The recorded sound: session time is kept, and neither a kill nor a full disk hurts."""

import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.sessions.sound_recording import (
    BIT_RATE,
    MAX_WAITING,
    SoundRecording,
    recorded,
    recording_file,
)
from app.sources.decoding import SoundFile
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, Samples
from tests.patience import TIMEOUT_S

ROOT = Path(__file__).parents[3]


def tone(seconds: float) -> Samples:
    return np.asarray(np.sin(np.arange(round(seconds * SAMPLE_RATE_HZ)) * 0.2) / 2, np.float32)


def chunks(samples: Samples, start_s: float = 0.0, step: int = 1600) -> Iterator[AudioChunk]:
    for begin in range(0, len(samples), step):
        yield AudioChunk(samples[begin : begin + step], start_s + begin / SAMPLE_RATE_HZ)


def loudness(path: Path) -> list[float]:
    """Of every half second of a file."""
    with SoundFile(path) as file:
        samples = file.read(3600 * SAMPLE_RATE_HZ)
    halves = range(0, len(samples) - 4000, SAMPLE_RATE_HZ // 2)
    return [float(np.abs(samples[begin : begin + 8000]).max()) for begin in halves]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return recording_file(tmp_path / "journal.sqlite3", "s")


def test_recording_lies_beside_its_journal(tmp_path: Path) -> None:
    expected = tmp_path / "talks-sound" / "20260101-1.opus"
    assert recording_file(tmp_path / "talks.sqlite3", "20260101-1") == expected


def test_sound_comes_back_at_its_session_time(path: Path) -> None:
    recording = SoundRecording(path)
    for chunk in (*chunks(tone(2.01), step=777), *chunks(tone(1.0), start_s=4.0)):
        recording.write(chunk)
    recording.close()
    heard = [level > 0.1 for level in loudness(path)]
    del heard[4]  # where the sound ends
    assert heard == [True] * 4 + [False] * 3 + [True] * 2


def test_a_gap_longer_than_readers_believe_is_kept(path: Path) -> None:
    recording = SoundRecording(path)
    for start_s in (0.0, 1500.0):
        for chunk in chunks(tone(1.0), start_s=start_s):
            recording.write(chunk)
    recording.close()
    heard = [at for at, level in enumerate(loudness(path)) if level > 0.1]
    assert heard == [0, 1, 3000, 3001]


def test_an_hour_takes_no_more_than_the_bit_rate(path: Path) -> None:
    rng = np.random.default_rng(0)
    recording = SoundRecording(path)
    for chunk in chunks(rng.uniform(-0.3, 0.3, 30 * SAMPLE_RATE_HZ).astype(np.float32)):
        recording.write(chunk)
    recording.close()
    assert path.stat().st_size <= 1.2 * 30 * BIT_RATE / 8


def test_a_stream_without_sound_leaves_no_file(path: Path) -> None:
    SoundRecording(path).close()
    assert not path.parent.exists()


async def test_chunks_are_passed_on_and_the_file_is_closed_with_the_stream(path: Path) -> None:
    async def source() -> AsyncIterator[AudioChunk]:
        for chunk in chunks(tone(1.0)):
            yield chunk

    passed = [chunk async for chunk in recorded(source(), path)]
    assert len(passed) == 10
    assert len(loudness(path)) == 2


async def test_a_source_that_is_faster_than_the_disk_is_recorded_whole(path: Path) -> None:
    async def source() -> AsyncIterator[AudioChunk]:
        for chunk in chunks(tone(60.0)):
            yield chunk

    n_passed = len([chunk async for chunk in recorded(source(), path)])
    assert n_passed == 600 > MAX_WAITING
    assert len(loudness(path)) >= 119


def test_a_folder_that_cannot_be_made_is_one_line_and_nothing_raises(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "journal-sound").write_text("in the way")
    recording = SoundRecording(recording_file(tmp_path / "journal", "s"))
    for chunk in chunks(tone(10.0)):
        recording.write(chunk)
    recording.close()
    assert [record.message.partition(": ")[0] for record in caplog.records] == [
        f"cannot record {recording.path}"
    ]


def test_a_kill_loses_less_than_a_second(path: Path) -> None:
    program = f"""
    import os, signal, time
    from pathlib import Path
    from app.sessions.sound_recording import SoundRecording
    from tests.app.sessions.test_sound_recording import chunks, tone
    recording = SoundRecording(Path({str(path)!r}))
    for chunk in chunks(tone(5.0)):
        recording.write(chunk)
    while recording._chunks.qsize():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run_python(program).returncode == -signal.SIGKILL
    assert len(loudness(path)) >= 8


def test_a_full_disk_ends_the_recording_and_nothing_else(path: Path) -> None:
    def fill_the_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    program = f"""
    from pathlib import Path
    from app.sessions.sound_recording import SoundRecording
    from tests.app.sessions.test_sound_recording import chunks, tone
    recording = SoundRecording(Path({str(path)!r}))
    for _ in range(20):
        for chunk in chunks(tone(1.0)):
            recording.write(chunk)
    recording.close()
    print("went on")
    """
    done = run_python(program, before=fill_the_disk)
    assert done.stdout == "went on\n"
    assert done.stderr.count("File too large") == 1
    assert all(level > 0.1 for level in loudness(path))


def run_python(
    program: str, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=ROOT,
        preexec_fn=before,
    )
