"""Makes the pictures of the documentation from the running program.

    .venv/bin/python docs/pictures.py [NAME …]     names of the functions below; all without

Needs what the overlay's tests need (Xvfb, xdotool, trayer, PulseAudio), xcompmgr, so that the band
is translucent, and Pillow, which the extra `train` brings.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT))

from engine.captions import Caption, Text  # noqa: E402
from tests.app.server.serving import serving_feed  # noqa: E402
from tests.app.sound_server import running_sound_server  # noqa: E402
from tests.ui.screen import Box, Screen, virtual_screen  # noqa: E402

FRAMES_HZ = 8
FILM_S = 14.0
FILM_COLOURS = 96
LONGEST_WAIT_S = 120.0

BACKDROP = """
import sys
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QColor, QLinearGradient, QPainter, QPolygonF
from PyQt6.QtWidgets import QApplication, QWidget
class Backdrop(QWidget):
    def paintEvent(self, event):
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        sky = QLinearGradient(0, 0, 0, self.height())
        for at, colour in ((0, "#27406b"), (0.45, "#d98c6a"), (0.62, "#f3c98b"), (1, "#35281f")):
            sky.setColorAt(at, QColor(colour))
        painter.fillRect(self.rect(), sky)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#fff0c8"))
        painter.drawEllipse(QPointF(900, 330), 46, 46)
        for colour, base, peaks in (
            ("#7d5a63", 430, (360, 400, 330, 410, 350, 420)),
            ("#4a3a4c", 500, (470, 420, 480, 400, 470, 440)),
            ("#22202c", 580, (540, 560, 520, 550, 530, 560)),
        ):
            step = self.width() / (len(peaks) - 1)
            points = [QPointF(n * step, y) for n, y in enumerate(peaks)]
            corners = [QPointF(self.width(), self.height()), QPointF(0, self.height())]
            painter.setBrush(QColor(colour))
            painter.drawPolygon(QPolygonF(points + corners))
app = QApplication(sys.argv)
window = Backdrop(None, Qt.WindowType.FramelessWindowHint)
window.setWindowTitle("Backdrop")
window.setGeometry(0, 0, 1280, 720)
window.show()
app.exec()
"""


@dataclass
class Stage:
    """A screen with a picture on it, and a user's empty home."""

    screen: Screen
    home: Path
    more: Mapping[str, str] = field(default_factory=dict)
    """Variables for the programs besides the usual ones."""

    @property
    def environ(self) -> dict[str, str]:
        """For the programs on the stage."""
        kept = {k: v for k, v in os.environ.items() if k not in ("QT_QPA_PLATFORM",)}
        kept.pop("WAYLAND_DISPLAY", None)
        places = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
        return kept | {
            "DISPLAY": self.screen.display,
            "PYTHONPATH": str(ROOT),
            **{name: str(self.home / name) for name in places},
            **self.more,
        }

    @contextlib.contextmanager
    def running(self, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A program on the stage."""
        process = subprocess.Popen(command, env=self.environ, cwd=ROOT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()

    @contextlib.contextmanager
    def dragoman(self, *arguments: str, overlay: dict[str, object] | None = None) -> Iterator[str]:
        """Dragoman with settings of the overlay; its value is the id of the band."""
        lines = ["[overlay]", *(f"{k} = {json.dumps(v)}" for k, v in (overlay or {}).items())]
        config = self.home / "config.toml"
        config.write_text("\n".join(lines), encoding="utf-8")
        command = (sys.executable, "-m", "app", *arguments, "--config", str(config))
        with self.running(*command):
            yield self.find("^Dragoman$")

    def find(self, title: str) -> str:
        """The id of a window, once it is there."""
        return self.tool("xdotool", "search", "--sync", "--onlyvisible", "--name", title).split()[0]

    def tool(self, *command: str) -> str:
        """Run a tool on the stage; what it says."""
        done = subprocess.run(
            command, env=self.environ, check=True, capture_output=True, text=True,
            timeout=LONGEST_WAIT_S,
        )  # fmt: skip
        return done.stdout

    def key(self, window: str, *names: str) -> None:
        """Press keys in a window."""
        self.tool("xdotool", "windowfocus", "--sync", window, "key", *names)

    def wait_for_ink(self, n_pixels: int, box: Box = (0, 400, 1280, 320)) -> None:
        """Wait until so many pixels of a part of the screen are white."""
        end_s = time.monotonic() + LONGEST_WAIT_S
        while self.screen.ink(box) < n_pixels:
            if time.monotonic() > end_s:
                raise TimeoutError("the band shows nothing")
            time.sleep(0.1)

    def save(self, name: str, box: Box | None = None) -> None:
        """Keep what is on the screen, or on a part of it, as a picture of the documentation."""
        Image.fromarray(self.screen.picture(box)).save(DOCS / name, optimize=True)


def overlay(stage: Stage) -> None:
    """The band over a picture, from the shipped recording."""
    options = ("--translator", "reta", "--no-journal", "--show", "overlay")
    with stage.dragoman(
        "run", "assets/demo.opus", *options, overlay={"status": True, "motion": "off"}
    ):
        stage.wait_for_ink(2500)
        time.sleep(4)
        stage.save("overlay.png", (0, 300, 1280, 420))


def film(stage: Stage) -> None:
    """The band at work: words come, change, settle, and roll up."""
    options = ("--translator", "reta", "--no-journal", "--show", "overlay")
    with stage.dragoman("run", "assets/demo.opus", *options, overlay={"motion": "on"}):
        stage.wait_for_ink(300)
        frames = []
        start_s = time.monotonic()
        while (now_s := time.monotonic() - start_s) < FILM_S:
            picture = Image.fromarray(stage.screen.picture((160, 470, 960, 240)))
            frames.append(picture.resize((720, 180), Image.Resampling.LANCZOS))
            time.sleep(max(0.0, len(frames) / FRAMES_HZ - now_s))
    palette = frames[-1].quantize(FILM_COLOURS)
    film = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    film[0].save(
        DOCS / "overlay.gif", save_all=True, append_images=film[1:], loop=0, optimize=True,
        duration=round(1000 / FRAMES_HZ),
    )  # fmt: skip


def windows(stage: Stage) -> None:
    """The menu in the tray, the settings, the times of words and the history."""
    arguments = ("overlay", "--source", "assets/demo.opus", "--translator", "reta")
    tray = ("trayer", "--edge", "top", "--align", "right", "--widthtype", "pixel", "--width", "120")
    with (
        stage.running(*tray, "--height", "28"),
        stage.dragoman(*arguments, overlay={"status": True, "motion": "off"}) as band,
    ):
        stage.wait_for_ink(2500)
        stage.tool("xdotool", "mousemove", "1268", "14", "click", "3")
        time.sleep(1)
        stage.tool("xdotool", "key", *["Down"] * 5, "Right")
        time.sleep(0.5)
        stage.save("overlay-menu.png", (640, 0, 640, 360))
        stage.tool("xdotool", "key", "Escape", "Escape")
        for key, title, name, pages in (
            ("ctrl+comma", "Settings", "overlay-settings.png", ("alt+s",)),
            ("ctrl+t", "Times", "overlay-times.png", ()),
            ("ctrl+h", "History", "overlay-history.png", ()),
        ):
            stage.key(band, key)
            window = stage.find(title)
            time.sleep(1)
            for page in pages:
                stage.key(window, page)
                time.sleep(0.5)
            stage.save(name)
            stage.key(window, "Escape")
            time.sleep(0.5)


def contrast(stage: Stage) -> None:
    """High contrast, large."""
    options = ("--translator", "reta", "--no-journal", "--show", "overlay")
    with stage.dragoman("run", "assets/demo.opus", *options, overlay={"font_pt": 40}) as band:
        stage.wait_for_ink(2500)
        stage.key(band, "ctrl+comma")
        settings = stage.find("Settings")
        stage.key(settings, "alt+h")
        stage.key(settings, "Escape")
        time.sleep(1)
        stage.save("overlay-contrast.png", (160, 400, 960, 310))


def first_start(stage: Stage) -> None:
    """The choice of what to listen to, while the computer plays the recording."""
    with running_sound_server(stage.environ) as server:
        hearing = dataclasses.replace(stage, more=server.environment)
        with hearing.dragoman("overlay"):
            hearing.find("What should be translated")
            playing = server.play(ROOT / "assets/demo.opus")
            time.sleep(3)
            hearing.save("overlay-first-start.png", (160, 0, 960, 710))
            playing.terminate()
            playing.wait()


def scripts(stage: Stage) -> None:
    """Chinese, Japanese, Arabic and Hindi, from a feed."""
    texts = (
        ("zh", "你好，欢迎来到", "我们的会议。"),
        ("ja", "こんにちは、会議へ", "ようこそ。"),
        ("ar", "مرحبا بكم في", "اجتماعنا اليوم"),
        ("hi", "नमस्ते, हमारी बैठक में", "आपका स्वागत है"),
    )

    async def serve() -> None:
        async with serving_feed() as (published, address):
            for segment, (lang, committed, tentative) in enumerate(texts):
                published.publish(_caption(segment, lang, committed, tentative))
            await asyncio.to_thread(_show_feed, stage, f"ws://{address}/")

    asyncio.run(serve())


def _show_feed(stage: Stage, url: str) -> None:
    settings = {"rows": 4, "show": "translation", "width_percent": 50, "line_s": 0.0}
    with stage.dragoman("overlay", "--connect", url, overlay=settings):
        stage.wait_for_ink(2000)
        time.sleep(1)
        stage.save("overlay-scripts.png", (240, 380, 800, 330))


def _caption(segment: int, lang: str, committed: str, tentative: str) -> Caption:
    return Caption(
        session="scripts", seq=segment, segment=segment, revision=0,
        source=Text(lang="en", committed="", tentative=""),
        target=Text(lang=lang, committed=committed, tentative=tentative),
        final=False, start_s=0.0, end_s=1.0, emitted_s=1.5, erased=0,
    )  # fmt: skip


PICTURES: tuple[Callable[[Stage], None], ...] = (
    overlay,
    film,
    windows,
    contrast,
    first_start,
    scripts,
)


def main(names: list[str]) -> None:
    """Make the pictures of these names, or all."""
    with tempfile.TemporaryDirectory() as folder, virtual_screen(Path(folder)) as screen:
        stage = Stage(screen, Path(folder))
        with stage.running("xcompmgr"), stage.running(sys.executable, "-c", BACKDROP):
            stage.find("Backdrop")
            for make in PICTURES:
                if not names or make.__name__ in names:
                    print(make.__name__, flush=True)
                    home = Path(folder) / make.__name__  # each has its own settings and history
                    home.mkdir()
                    make(dataclasses.replace(stage, home=home))


if __name__ == "__main__":
    main(sys.argv[1:])
