"""Sound from addresses, of servers that speak what they name: HLS over HTTP, and RTMP."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from app.sources.decoding import SoundFile
from app.sources.errors import SourceError
from engine.audio import SAMPLE_RATE_HZ
from tests.patience import TIMEOUT_S, wait_until
from tests.ports import free_port

NEEDS_FFMPEG = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
SECONDS = 6
HZ = 440


TONE = ("-f", "lavfi", "-i", f"sine=frequency={HZ}:sample_rate=44100:duration={SECONDS}")


def ffmpeg(*arguments: str) -> "subprocess.Popen[bytes]":
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", *TONE, "-c:a", "aac", *arguments]
    return subprocess.Popen(command)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


def opened(url: str) -> SoundFile:
    """The sound of a server that may not have begun to listen."""
    found: list[SoundFile] = []

    def answers() -> bool:
        with suppress(SourceError):
            found.append(SoundFile(url))
        return bool(found)

    assert wait_until(answers)
    return found[0]


def check(file: SoundFile) -> None:
    samples = file.read(60 * SAMPLE_RATE_HZ)
    assert len(samples) / SAMPLE_RATE_HZ == pytest.approx(SECONDS, abs=0.2)
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum.argmax() * SAMPLE_RATE_HZ / len(samples) == pytest.approx(HZ, abs=1)


@NEEDS_FFMPEG
def test_a_playlist_of_pieces_is_one_sound(tmp_path: Path) -> None:
    playlist = tmp_path / "live.m3u8"
    pieces = ffmpeg("-f", "hls", "-hls_time", "2", "-hls_list_size", "0", str(playlist))
    assert pieces.wait(TIMEOUT_S) == 0
    assert len(list(tmp_path.glob("*.ts"))) > 1
    with served(tmp_path) as address, SoundFile(f"{address}/live.m3u8") as file:
        check(file)


@NEEDS_FFMPEG
def test_a_server_of_live_video_is_heard() -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/talk"
    server = ffmpeg("-f", "flv", "-listen", "1", url)
    try:
        with opened(url) as file:
            check(file)
        assert server.wait(TIMEOUT_S) == 0
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("scheme", ["http", "rtmp", "rtsp"])
def test_an_address_where_nobody_answers_is_named(scheme: str) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}/live/talk"
    with pytest.raises(SourceError, match=url):
        SoundFile(url)


@pytest.mark.parametrize("scheme", ["http", "https", "rtmp", "rtsp"])
@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'long' * 20}.invalid"])
def test_a_host_that_there_is_not_is_named(scheme: str, host: str) -> None:
    with pytest.raises(SourceError, match=f"host {host} not found"):
        SoundFile(f"{scheme}://{host}/live/talk")


def test_a_server_that_does_not_speak_what_the_address_says_is_no_error_of_a_device(
    tmp_path: Path,
) -> None:
    with served(tmp_path) as address, pytest.raises(SourceError, match="does not speak"):
        SoundFile(address.replace("http:", "https:") + "/talk.wav")
