"""A user's machine in a temporary folder, and `dragoman` on it."""

import json
import os
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.app.sound_server import SoundServer, running_sound_server
from tests.patience import TIMEOUT_S

RATE_HZ = 16_000

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


@dataclass
class Machine:
    """A home folder with fake models; commands run there as subprocesses."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def journal(self) -> Path:
        return self.home / "data" / "dragoman" / "journal.sqlite3"

    @property
    def options(self) -> tuple[str, ...]:
        """Those with which `run` uses this machine's models; it need not ask torch for a GPU."""
        return ("--models", str(self.models), "--device", "cpu")

    def add_model(self, name: str, **config: object) -> Path:
        directory = self.models / name
        directory.mkdir(parents=True)
        (directory / "config.json").write_text(json.dumps(config))
        return directory

    def command(self, *arguments: str, fake: bool = True) -> list[str]:
        program = "tests.app.dragoman" if fake else "app"
        return [sys.executable, "-m", program, *arguments]

    def run(
        self, *arguments: str, typed: str | bytes = b"", fake: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        data = typed.encode() if isinstance(typed, str) else typed
        done = subprocess.run(
            self.command(*arguments, fake=fake),
            input=data,
            capture_output=True,
            env=self.environment,
            timeout=TIMEOUT_S,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def start(self, *arguments: str, fake: bool = True) -> subprocess.Popen[bytes]:
        """A command that goes on; the test ends it."""
        return subprocess.Popen(
            self.command(*arguments, fake=fake),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
        )

    def sound(self, name: str, parts: Sequence[tuple[float, float]]) -> Path:
        """A wav file of (seconds, loudness) parts."""
        pieces = [_tone(round(seconds * RATE_HZ), loudness) for seconds, loudness in parts]
        path = self.home / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            for piece in pieces:
                file.writeframes(piece.tobytes())
        return path


def _tone(n_samples: int, loudness: float) -> NDArray[np.int16]:
    if not loudness:
        return np.zeros(n_samples, "<i2")
    return np.asarray(np.sin(np.arange(n_samples) * 0.2) * loudness * 32767, "<i2")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    root = Path(__file__).parents[2]
    environment = {
        **{k: v for k, v in os.environ.items() if k not in _DISPLAYS},
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PYTHONPATH": str(root),
        "PYTHONWARNINGS": "error",
    }
    machine = Machine(tmp_path, environment)
    for kind in ("fretna", "reta", "wait-k"):
        machine.add_model(f"en-de-{kind}", kind=kind, source_lang="en", target_lang="de")
    machine.add_model("owsm-ctc-en", kind="owsm-ctc", source_lang="en")
    return machine


@pytest.fixture
def dragoman(machine: Machine) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`dragoman run …` with the fake models, to its end."""

    def run(*arguments: str, typed: str | bytes = b"") -> subprocess.CompletedProcess[str]:
        return machine.run("run", *arguments, *machine.options, typed=typed)

    return run


@pytest.fixture
def sound_server(machine: Machine) -> Iterator[SoundServer]:
    """One that the commands on the machine hear."""
    with running_sound_server(machine.environment) as server:
        machine.environment.update(server.environment)
        yield server
