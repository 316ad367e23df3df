"""A virtual screen, the overlay on it, and hands and eyes for both.

The screen is read from the X server's own frame buffer, so looking needs no tool and no window.
"""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.captions import Caption
from tests.patience import TIMEOUT_S, wait_until

ROOT = Path(__file__).parents[2]
MISSING = [
    tool for tool in ("Xvfb", "xdotool", "xwininfo", "xprop", "xev") if shutil.which(tool) is None
]
NEEDS_X = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (xvfb, xdotool, x11-utils)"
)
Box = tuple[int, int, int, int]
Picture = NDArray[np.uint8]
"""(height, width, 3), red, green, blue"""


@dataclass
class Screen:
    """An X server with nothing on it: no window manager, no compositor."""

    display: str
    file: Path

    @cached_property
    def _memory(self) -> Picture:
        return np.memmap(self.file, np.uint8, "r")

    def picture(self, box: Box | None = None) -> Picture:
        """What is on the screen now, or on a part of it."""
        header = struct.unpack(">25I", self._memory[:100].tobytes())
        header_size, width, height, line = header[0], header[4], header[5], header[12]
        start = header_size + header[19] * 12  # behind the colour map
        x, y, w, h = box or (0, 0, width, height)
        x, y = max(x, 0), max(y, 0)
        rows = self._memory[start : start + height * line].reshape(height, line)[y : y + h]
        pixels = rows[:, : 4 * width].reshape(-1, width, 4)[:, x : x + w, 2::-1]
        return np.array(pixels)  # a copy: the memory changes with the screen

    def ink(self, box: Box) -> int:
        """How many pixels of a part of the screen are white."""
        return int((self.picture(box).min(axis=2) > 240).sum())


@contextmanager
def virtual_screen(folder: Path, size: str = "1280x720") -> Iterator[Screen]:
    """Start an X server with a screen that can be read."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-noreset"]
    command += ["-fbdir", str(folder)]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as numbers:
            number = numbers.readline().strip()
        assert number, "Xvfb did not start"
        yield Screen(f":{number}", folder / "Xvfb_screen0")
    finally:
        server.terminate()
        server.wait()


@dataclass
class Band:
    """The running overlay, and hands and eyes for it."""

    process: "subprocess.Popen[str]"
    screen: Screen
    environ: dict[str, str]
    window: str = ""
    said: list[str] = field(default_factory=list)

    def tool(self, *command: str) -> str:
        """Run a tool on the screen of the band; what it says."""
        done = subprocess.run(
            command,
            env=self.environ,
            check=True,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        return done.stdout

    def tell(self, line: str) -> None:
        """A line for the subject's input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def publish(self, one: Caption) -> None:
        """Let the engine say a caption."""
        self.tell(one.to_json())

    def answer(self, question: str) -> str:
        """Ask the subject; the line that it says."""
        self.tell(question)
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def find(self, title: str) -> str:
        """The id of a window that is on the screen, once it is."""
        found = self.tool("xdotool", "search", "--sync", "--onlyvisible", "--name", title)
        return found.split()[0]

    def box(self, window: str = "") -> Box:
        """Place and size of the band, or of another window."""
        told = self.tool("xwininfo", "-id", window or self.window)
        words = ("Absolute upper-left X", "Absolute upper-left Y", "Width", "Height")
        x, y, width, height = (int(re.findall(rf"{w}: +(-?\d+)", told)[0]) for w in words)
        return x, y, width, height

    def ink(self, box: Box) -> int:
        """How many pixels of a part of the screen are white."""
        return self.screen.ink(box)

    def drag(
        self, start: tuple[int, int], by: tuple[int, int], follows_s: float = TIMEOUT_S
    ) -> None:
        """Move the mouse with the button held, as slowly as the window follows.

        One that has not followed after `follows_s` is taken to stay.

        A button that is let go before the window manager has begun to move the window moves it
        only in part, or not at all.
        """
        self.tool("xdotool", "mousemove", *map(str, start), "mousedown", "1")
        for part in (2, 1):
            before = self.box()
            to = start[0] + by[0] // part, start[1] + by[1] // part

            def follows(before: Box = before, to: tuple[int, int] = to) -> bool:
                for x in (to[0] + 1, to[0]):  # a window manager may have missed the last move
                    self.tool("xdotool", "mousemove", str(x), str(to[1]))
                return self.box() != before

            wait_until(follows, follows_s)
        self.tool("xdotool", "mouseup", "1")

    def click(self, x: int, y: int, button: int = 1) -> None:
        """Press and let go of a mouse button."""
        self.tool("xdotool", "mousemove", str(x), str(y), "click", str(button))

    def key(self, *names: str, window: str = "") -> None:
        """Press keys in the band, or in another window."""
        focused = window or self.window
        self.tool("xdotool", "windowfocus", "--sync", focused, "key", *names)

    def end(self, complaint: str = "") -> tuple[int, str]:
        """The exit code and what was said on stdout, once it has ended by itself."""
        # Its input stays open: the end of that would end the job.
        self.process.wait(timeout=TIMEOUT_S)
        said, complaints = self.process.communicate()
        assert complaint in complaints
        assert complaint or not complaints
        return self.process.returncode, said


Start = Callable[..., Band]


def start_band(screen: Screen, settings: dict[str, object], **environ: str) -> Band:
    """Start the overlay and wait for its window."""
    variables = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
    variables |= {"DISPLAY": screen.display, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    variables.pop("WAYLAND_DISPLAY", None)
    variables |= environ
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/ui/subject.py"), json.dumps(settings)],
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    band = Band(process, screen, variables)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
    band.window = band.find("^Dragoman$")
    return band
