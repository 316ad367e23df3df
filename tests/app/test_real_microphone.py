"""`dragoman run mic` on a real audio device: the monitor of a PulseAudio null sink."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.app.conftest import TIMEOUT_S, Machine
from tests.app.test_run import QUIET, captions_of, read_until

pytestmark = pytest.mark.skipif(
    shutil.which("pulseaudio") is None, reason="PulseAudio is not installed"
)


@dataclass(frozen=True)
class SoundServer:
    """A sound server of the test's own; what is played to its speaker is heard by its monitor."""

    environment: dict[str, str]

    def command(self, *arguments: str) -> None:
        subprocess.run(arguments, env=self.environment, check=True, timeout=TIMEOUT_S)

    def play(self, path: Path, speaker: str = "speaker") -> "subprocess.Popen[bytes]":
        command = ["paplay", f"--device={speaker}", str(path)]
        return subprocess.Popen(command, env=self.environment)


@pytest.fixture
def sound_server(machine: Machine) -> Iterator[SoundServer]:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path has to be short
        environment = {
            **machine.environment,
            "XDG_RUNTIME_DIR": folder,
            "PULSE_RUNTIME_PATH": folder,
            "PULSE_SERVER": f"unix:{folder}/native",
        }
        server = SoundServer(environment)
        modules = (
            f"module-native-protocol-unix socket={folder}/native auth-anonymous=1",
            "module-null-sink sink_name=speaker",
        )
        server.command(
            *("pulseaudio", "-n", "--daemonize=yes", "--exit-idle-time=-1", "--log-level=error"),
            *(part for module in modules for part in ("--load", module)),
        )
        machine.environment.update(environment)
        yield server
        server.command("pactl", "exit")


def test_what_a_microphone_hears_becomes_captions_until_ctrl_c(
    machine: Machine, sound_server: SoundServer
) -> None:
    running = machine.start("run", "mic", *QUIET, "--jsonl", "-", *machine.options)
    playing = sound_server.play(machine.sound("speech.wav", [(60.0, 0.5)]))
    assert running.stdout is not None
    seen = read_until(running.stdout.fileno(), rb'"final":true.*\n', TIMEOUT_S)
    running.send_signal(signal.SIGINT)
    rest, errors = running.communicate(timeout=TIMEOUT_S)
    playing.terminate()
    playing.wait(TIMEOUT_S)
    assert running.returncode == 0, errors.decode()
    captions = captions_of((seen + rest).decode())
    assert captions[0].source.full.startswith("word1")
    assert captions[-1].final


def test_a_device_that_vanishes_and_comes_back_goes_on_in_the_same_session(
    machine: Machine, sound_server: SoundServer
) -> None:
    running = machine.start("run", "mic", *QUIET, "--jsonl", "-", *machine.options)
    assert running.stdout is not None
    assert running.stderr is not None
    sound = machine.sound("speech.wav", [(60.0, 0.5)])
    playing = sound_server.play(sound)
    seen = read_until(running.stdout.fileno(), rb'"final":true.*\n', TIMEOUT_S)
    sound_server.command("pactl", "unload-module", "module-null-sink")
    playing.wait(TIMEOUT_S)
    said = read_until(running.stderr.fileno(), b"goes on when", TIMEOUT_S)
    sound_server.command("pactl", "load-module", "module-null-sink", "sink_name=speaker")
    playing = sound_server.play(sound)
    seen += read_until(running.stdout.fileno(), rb'"final":true.*\n', TIMEOUT_S)
    running.send_signal(signal.SIGINT)
    rest, errors = running.communicate(timeout=TIMEOUT_S)
    playing.terminate()
    playing.wait(TIMEOUT_S)
    assert running.returncode == 0, (said + errors).decode()
    assert len({caption.session for caption in captions_of((seen + rest).decode())}) == 1


def test_what_one_of_several_speakers_plays_is_heard_by_name(
    machine: Machine, sound_server: SoundServer
) -> None:
    sound_server.command("pactl", "load-module", "module-null-sink", "sink_name=other")
    sound_server.command("pactl", "set-default-source", "other.monitor")
    listed = machine.run("devices", "--once").stdout
    assert {"speaker.monitor", "other.monitor"} <= set(listed.split())
    options = ("--jsonl", "-", *machine.options)
    running = machine.start("run", "mic:speaker.monitor", *QUIET, *options)
    playing = sound_server.play(machine.sound("speech.wav", [(60.0, 0.5)]), "speaker")
    assert running.stdout is not None
    read_until(running.stdout.fileno(), rb'"final":true.*\n', TIMEOUT_S)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=TIMEOUT_S)
    playing.terminate()
    playing.wait(TIMEOUT_S)
    assert running.returncode == 0, errors.decode()
