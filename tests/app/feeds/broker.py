"""A real MQTT broker on loopback, which a test may kill, stop and start again."""

import re
import shutil
import signal
import subprocess
from pathlib import Path

from tests.ports import free_port

MOSQUITTO = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")


class Broker:
    """With persistence it keeps subscriptions, and what waits for them, over a kill."""

    def __init__(self, folder: Path, *settings: str, persistence: bool = True) -> None:
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._file = folder / "mosquitto.conf"
        self._file.write_text(
            "\n".join(
                (
                    f"listener {self.port} 127.0.0.1",
                    f"persistence {str(persistence).lower()}",
                    f"persistence_location {folder}/",
                    "autosave_on_changes true",
                    "autosave_interval 1",
                    "user root",
                    *(settings or ("allow_anonymous true",)),
                )
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MOSQUITTO is not None
        process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._file)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        assert process.stderr is not None
        seen = b""
        while not re.search(rb"mosquitto version .* running", seen):
            line = process.stderr.readline()
            assert line, seen
            seen += line
        self._process = process

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        assert self._process is not None
        self._process.communicate()

    def send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
