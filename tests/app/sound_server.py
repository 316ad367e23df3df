"""A sound server of the test's own, with a speaker whose monitor is the microphone."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.patience import TIMEOUT_S

NEEDS_SOUND = pytest.mark.skipif(
    shutil.which("pulseaudio") is None, reason="PulseAudio is not installed"
)


@dataclass(frozen=True)
class SoundServer:
    """What is played to a speaker of it is heard by the speaker's monitor."""

    environment: dict[str, str]

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            arguments,
            env=self.environment,
            check=True,
            timeout=TIMEOUT_S,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    def start(self) -> None:
        socket = f"socket={self.environment['PULSE_RUNTIME_PATH']}/native"
        modules = (
            f"module-native-protocol-unix {socket} auth-anonymous=1",
            " ".join(null_sink("speaker")),
        )
        self.command(
            *("pulseaudio", "-n", "--daemonize=yes", "--exit-idle-time=-1", "--log-level=error"),
            *(part for module in modules for part in ("--load", module)),
        )

    def stop(self) -> None:
        self.command("pactl", "exit")

    def play(self, path: Path, speaker: str = "speaker") -> "subprocess.Popen[bytes]":
        command = ["paplay", f"--device={speaker}", str(path)]
        return subprocess.Popen(command, env=self.environment)

    def unplug(self, speaker: str = "speaker") -> None:
        modules = self.command("pactl", "list", "short", "modules").splitlines()
        (number,) = (line.split()[0] for line in modules if f"sink_name={speaker} " in line)
        self.command("pactl", "unload-module", number)

    def plug(self, speaker: str = "speaker") -> None:
        self.command("pactl", "load-module", *null_sink(speaker))


def null_sink(speaker: str) -> tuple[str, str, str]:
    """Module and arguments of a speaker that nobody hears but its monitor.

    It renders in blocks of two seconds, and the first one ahead of everything that is played, so
    that a monitor is silent for its first two seconds. Without rewinds the blocks are of 50 ms.
    """
    return ("module-null-sink", f"sink_name={speaker}", "norewinds=1")


@contextmanager
def running_sound_server(environment: Mapping[str, str]) -> Iterator[SoundServer]:
    """Start one; programs that should hear it need its environment, which is this one and more."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path has to be short
        server = SoundServer(
            {
                **environment,
                "XDG_RUNTIME_DIR": folder,
                "PULSE_RUNTIME_PATH": folder,
                "PULSE_SERVER": f"unix:{folder}/native",
            }
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()
