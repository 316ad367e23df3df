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
    """What is played to its speaker is heard by its monitor."""

    environment: dict[str, str]

    def command(self, *arguments: str) -> None:
        subprocess.run(arguments, env=self.environment, check=True, timeout=TIMEOUT_S)

    def play(self, path: Path, speaker: str = "speaker") -> "subprocess.Popen[bytes]":
        command = ["paplay", f"--device={speaker}", str(path)]
        return subprocess.Popen(command, env=self.environment)

    def unplug(self) -> None:
        self.command("pactl", "unload-module", "module-null-sink")

    def plug(self) -> None:
        self.command("pactl", "load-module", "module-null-sink", "sink_name=speaker")


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
        modules = (
            f"module-native-protocol-unix socket={folder}/native auth-anonymous=1",
            "module-null-sink sink_name=speaker",
        )
        server.command(
            *("pulseaudio", "-n", "--daemonize=yes", "--exit-idle-time=-1", "--log-level=error"),
            *(part for module in modules for part in ("--load", module)),
        )
        try:
            yield server
        finally:
            server.command("pactl", "exit")
