"""`dragoman run mic` on a real audio device: the monitor of a PulseAudio null sink."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.captions import Caption
from tests.app.conftest import Machine
from tests.app.running.test_run import QUIET, captions_of, read_until
from tests.app.sound_server import NEEDS_SOUND, SoundServer
from tests.patience import TIMEOUT_S

pytestmark = NEEDS_SOUND
FINAL = rb'"final":true.*\n'
BACK = b"is back"


@pytest.fixture
def speech(machine: Machine) -> Path:
    return machine.sound("speech.wav", [(60.0, 0.5)])


@pytest.fixture(params=["the sound server", "PortAudio"])
def way(
    request: pytest.FixtureRequest, machine: Machine, sound_server: SoundServer, tmp_path: Path
) -> str:
    """How the device is heard: without the programs of the sound server, by PortAudio."""
    if request.param == "PortAudio":
        machine.environment["PATH"] = str(tmp_path)
    return str(request.param)


@contextmanager
def played(server: SoundServer, speech: Path, speaker: str = "speaker") -> Iterator[None]:
    playing = server.play(speech, speaker)
    try:
        yield
    finally:
        playing.terminate()
        playing.wait(TIMEOUT_S)


def end(running: "subprocess.Popen[bytes]") -> tuple[bytes, str]:
    """Ctrl-C; the captions that were left, and what was said besides."""
    running.send_signal(signal.SIGINT)
    rest, errors = running.communicate(timeout=TIMEOUT_S)
    assert running.returncode == 0, errors.decode()
    return rest, errors.decode()


def lost_and_found(
    machine: Machine,
    server: SoundServer,
    speech: Path,
    source: str,
    lose: Callable[[], None],
    bring_back: Callable[[], None],
) -> list[Caption]:
    """Captions of speech before a device goes and after it is back."""
    running = machine.start("run", source, *QUIET, "--jsonl", "-", *machine.options)
    assert running.stdout is not None
    assert running.stderr is not None
    with played(server, speech):
        seen = read_until(running.stdout.fileno(), FINAL)
        lose()
    read_until(running.stderr.fileno(), b"goes on when")
    bring_back()
    read_until(running.stderr.fileno(), BACK)
    with played(server, speech):
        seen += read_until(running.stdout.fileno(), FINAL)
        rest, _ = end(running)
    return captions_of((seen + rest).decode())


@pytest.mark.usefixtures("way")
def test_what_a_microphone_hears_becomes_captions_until_ctrl_c(
    machine: Machine, sound_server: SoundServer, speech: Path
) -> None:
    running = machine.start("run", "mic", *QUIET, "--jsonl", "-", *machine.options)
    assert running.stdout is not None
    with played(sound_server, speech):
        seen = read_until(running.stdout.fileno(), FINAL)
        rest, errors = end(running)
    captions = captions_of((seen + rest).decode())
    assert captions[0].source.full.startswith("word1")
    assert captions[-1].final
    assert "unplugged" not in errors


@pytest.mark.usefixtures("way")
def test_a_device_that_vanishes_and_comes_back_goes_on_in_the_same_session(
    machine: Machine, sound_server: SoundServer, speech: Path
) -> None:
    server = sound_server
    captions = lost_and_found(machine, server, speech, "mic", server.unplug, server.plug)
    assert len({caption.session for caption in captions}) == 1


def test_what_one_of_several_speakers_plays_is_heard_by_name(
    machine: Machine, sound_server: SoundServer, speech: Path
) -> None:
    sound_server.plug("other")
    sound_server.command("pactl", "set-default-source", "other.monitor")
    listed = machine.run("devices", "--once").stdout
    assert {"speaker.monitor", "other.monitor"} <= set(listed.split())
    options = ("--jsonl", "-", *machine.options)
    running = machine.start("run", "mic:speaker.monitor", *QUIET, *options)
    assert running.stdout is not None
    with played(sound_server, speech):
        read_until(running.stdout.fileno(), FINAL)
        end(running)


def test_a_named_device_is_waited_for_though_there_is_another_one(
    machine: Machine, sound_server: SoundServer, speech: Path
) -> None:
    """The server lets a stream hear another source, and stay there, when its own goes."""
    server = sound_server
    server.plug("other")
    source = "mic:speaker.monitor"
    assert lost_and_found(machine, server, speech, source, server.unplug, server.plug)[-1].final


def test_a_sound_server_that_starts_again_is_heard_again(
    machine: Machine, sound_server: SoundServer, speech: Path
) -> None:
    server = sound_server
    assert lost_and_found(machine, server, speech, "mic", server.stop, server.start)[-1].final
