"""`dragoman overlay` as its user meets it: over a screen, or in a terminal where there is none."""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from app.feeds.follow import FollowConfig, follow
from engine.captions import Caption
from tests.app.conftest import Machine
from tests.app.fakes import caption
from tests.app.running.test_run import one_line_error, read_until
from tests.app.server.serving import LOOPBACK, serving_feed
from tests.app.sound_server import NEEDS_SOUND, SoundServer
from tests.patience import wait_until
from tests.ports import free_port
from tests.ui.screen import NEEDS_X, Band, Screen, virtual_screen


@asynccontextmanager
async def serving(port: int = 0) -> AsyncIterator[tuple[Callable[[Caption], None], str]]:
    config = replace(LOOPBACK, address=f"127.0.0.1:{port}")
    async with serving_feed(config) as (published, address):
        published.begin(caption(0).session)
        yield published.publish, f"ws://{address}/"


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    with virtual_screen(tmp_path_factory.mktemp("screen")) as made:
        yield made


@pytest.fixture
def overlay(screen: Screen, machine: Machine) -> Iterator[Callable[..., Band]]:
    """Starts `dragoman overlay …` on the screen and waits for its band."""
    processes = []

    def start(*arguments: str) -> Band:
        environ = {**machine.environment, "DISPLAY": screen.display}
        process = subprocess.Popen(
            machine.command("overlay", *arguments),
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        band = Band(process, screen, environ)
        band.window = band.find("^Dragoman$")
        return band

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def seen(condition: Callable[[], bool]) -> bool:
    return await asyncio.to_thread(wait_until, condition)


@NEEDS_X
async def test_a_feed_is_shown_and_found_again_after_a_drop(overlay: Callable[..., Band]) -> None:
    async with serving() as (publish, url):
        band = await asyncio.to_thread(overlay, "--connect", url)
        box = band.box()
        publish(caption(0, target=("Guten Morgen", "")))
        assert await seen(lambda: band.ink(box) > 300)
        calm = band.screen.picture(box)
    assert await seen(lambda: bool((band.screen.picture(box) != calm).sum() > 500))  # it says so
    async with serving(urlsplit(url).port or 0) as (publish, _):
        publish(caption(1, 1, target=("Willkommen zurück, schön dass Sie da sind", "")))
        assert await seen(lambda: band.ink(box) > 3000)
        await asyncio.to_thread(band.key, "ctrl+q")
        assert (await asyncio.to_thread(band.end))[0] == 0


@NEEDS_X
def test_a_file_is_translated_into_the_band(overlay: Callable[..., Band], machine: Machine) -> None:
    file = machine.sound("talk.wav", [(3, 0.5)])
    band = overlay("--source", str(file), *machine.options)
    assert wait_until(lambda: band.ink(band.box()) > 300)
    band.process.send_signal(signal.SIGTERM)
    assert band.end() == (0, "")


@NEEDS_X
@NEEDS_SOUND
def test_the_first_start_hears_the_computer_and_a_device_that_vanishes_is_found_again(
    overlay: Callable[..., Band], machine: Machine, sound_server: SoundServer
) -> None:
    band = overlay(*machine.options)
    window = band.find("What should be translated")
    meter = band.box(window)
    sound = machine.sound("speech.wav", [(60.0, 0.5)])
    silent = band.screen.picture(meter)
    playing = sound_server.play(sound)
    assert wait_until(lambda: bool((band.screen.picture(meter) != silent).sum() > 3000))
    band.key("alt+s", window=window)
    box = band.box()
    assert wait_until(lambda: band.ink(box) > 300)
    sound_server.unplug()
    playing.wait()
    assert wait_until(lambda: has_label(band))
    sound_server.plug()
    assert wait_until(lambda: not has_label(band))
    playing = sound_server.play(sound)
    calm = band.screen.picture(box)
    assert wait_until(lambda: bool((band.screen.picture(box) != calm).sum() > 1000))
    playing.terminate()
    playing.wait()
    band.key("ctrl+q")
    assert band.end("goes on when it is back")[0] == 0


def has_label(band: Band) -> bool:
    """Whether the band says in its corner that something is lost."""
    x, y, width, _ = band.box()
    corner = band.screen.picture((x + width - 100, y + 5, 60, 30))
    return bool((corner > 100).any())


@NEEDS_X
async def test_captions_of_the_overlay_are_served_to_others(
    overlay: Callable[..., Band], machine: Machine
) -> None:
    file = machine.sound("talk.wav", [(60, 0.5)])
    port = free_port()
    options = ("--feed", f"localhost:{port}", *machine.options)
    band = await asyncio.to_thread(overlay, "--source", str(file), *options)
    assert await seen(lambda: band.ink(band.box()) > 300)
    captions = follow(FollowConfig(url=f"ws://localhost:{port}/captions", patient=True))
    async with contextlib.aclosing(captions):
        assert (await anext(captions)).source.full.startswith("word")
    band.process.send_signal(signal.SIGTERM)
    assert (await asyncio.to_thread(band.end)) == (0, "")


async def test_without_a_display_a_feed_is_shown_in_the_terminal(machine: Machine) -> None:
    async with serving() as (publish, url):
        publish(caption(0, final=True, target=("Guten Morgen", "")))
        process = machine.start("overlay", "--connect", url)
        assert process.stderr is not None
        said = await asyncio.to_thread(read_until, process.stderr.fileno(), b"Guten Morgen")
        assert b"no display for the overlay" in said.splitlines()[0]
        process.send_signal(signal.SIGINT)
        await asyncio.to_thread(process.communicate)
        assert process.returncode == 0


def test_without_a_display_the_session_runs_in_the_terminal(machine: Machine) -> None:
    file = machine.sound("talk.wav", [(2, 0.5)])
    done = machine.run("overlay", "--source", str(file), *machine.options)
    assert done.returncode == 0
    assert "no display for the overlay" in done.stderr.splitlines()[0]
    assert "WORD4" in done.stderr


def test_an_address_that_is_none_is_one_clear_line(machine: Machine) -> None:
    error = one_line_error(machine.run("overlay", "--connect", "http://localhost:1/"))
    assert "not an address such as ws://HOST:PORT" in error
