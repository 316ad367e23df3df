"""Qt for the tests: no display needed, and a warning of Qt fails the test."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.ui.screen import Band, Screen, Start, start_band, virtual_screen

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

    from ui.background import Background


@pytest.fixture(scope="session")
def _application() -> "QApplication":
    widgets = pytest.importorskip(
        "PyQt6.QtWidgets", reason="PyQt6 is not installed or does not load", exc_type=ImportError
    )
    from ui.paint import quiet_font_fallback

    application: QApplication = widgets.QApplication(["test", "-platform", "offscreen"])
    application.setQuitOnLastWindowClosed(False)
    quiet_font_fallback()
    return application


@pytest.fixture
def qt(_application: "QApplication", monkeypatch: pytest.MonkeyPatch) -> Iterator["QApplication"]:
    """The application; what Qt says during the test must be nothing."""
    from PyQt6.QtCore import QCoreApplication, QEvent, qInstallMessageHandler

    # For the test alone: the programs that other tests start without a display must see none.
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    said: list[str] = []

    def note(kind: object, context: object, text: str | None) -> None:
        # The offscreen platform says this of raising, masks and size hints; no other does.
        if not (text or "").startswith("This plugin does not support"):
            said.append(f"{kind}: {text}")

    before = qInstallMessageHandler(note)
    yield _application
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    _application.processEvents()
    qInstallMessageHandler(before)
    assert not said


@pytest.fixture
def background(qt: "QApplication") -> Iterator["Background"]:
    """Asks a control in a thread of its own, as the desktop does."""
    from ui.background import Background

    made = Background()
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture(scope="module")
def screen(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Screen]:
    """Of 1280x720, or of the size that a test is parametrized with."""
    size = getattr(request, "param", "1280x720")
    with virtual_screen(tmp_path_factory.mktemp("screen"), size) as made:
        yield made


@pytest.fixture
def start(screen: Screen) -> Iterator[Start]:
    """Starts the overlay as a program of its own and waits for its window."""
    bands = []

    def start(*, environ: dict[str, str] | None = None, **settings: object) -> Band:
        bands.append(start_band(screen, settings, **(environ or {})))
        return bands[-1]

    yield start
    for band in bands:
        if band.process.poll() is None:
            band.process.kill()
        band.process.communicate()
