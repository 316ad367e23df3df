import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtCore import QMetaObject, Qt, QTimer
from PyQt6.QtWidgets import QApplication

from engine.captions import Caption
from tests.patience import TIMEOUT_S
from tests.ui.streams import caption
from ui.application import DisplayError, OverlaySettings, check_display, run_overlay
from ui.overlay import Overlay

Publish = Callable[[Caption], None]
SETTINGS = OverlaySettings(dwell_s=1)
pytestmark = pytest.mark.usefixtures("qt")


def overlay() -> Overlay:
    (found,) = (w for w in QApplication.topLevelWidgets() if isinstance(w, Overlay))
    return found


def when_shown(act: Callable[[], object]) -> None:
    """Act in the GUI thread as soon as there is text in the window."""
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, Overlay) and w.frame]
    if found:
        act()
    else:
        QTimer.singleShot(5, lambda: when_shown(act))


def close_window() -> None:
    """As a user would; callable from the job's thread."""
    QMetaObject.invokeMethod(overlay(), "close", Qt.ConnectionType.QueuedConnection)


def test_the_last_text_stays_for_the_dwell_time_when_the_job_has_ended() -> None:
    published_s: list[float] = []

    async def job(publish: Publish) -> None:
        published_s.append(time.monotonic())
        publish(caption("Guten Tag", final=True))

    assert run_overlay(job, SETTINGS) == 0
    assert time.monotonic() - published_s[0] >= SETTINGS.dwell_s


def test_closing_the_window_lets_the_job_finalise() -> None:
    said: list[str] = []

    async def job(publish: Publish) -> None:
        publish(caption("Guten", "Tag"))
        close_window()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # finalising may await
            publish(caption("Guten Tag", revision=1, final=True))
            said.append("finalised")
            raise

    assert run_overlay(job, SETTINGS) == 0
    assert said == ["finalised"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_job_finalise(number: int) -> None:
    said: list[str] = []

    async def job(publish: Publish) -> None:
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        finally:
            said.append("finalised")

    assert run_overlay(job, SETTINGS) == 128 + number
    assert said == ["finalised"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_signal_abandons_a_job_that_does_not_end(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()
    threads: list[threading.Thread] = []

    async def job(publish: Publish) -> None:
        threads.append(threading.current_thread())
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            release.wait()

    assert run_overlay(job, SETTINGS) == 130
    assert "abandoned" in caplog.text
    release.set()
    threads[0].join(timeout=TIMEOUT_S)
    assert not threads[0].is_alive()


def test_an_error_of_the_job_comes_out() -> None:
    async def job(publish: Publish) -> None:
        raise OSError("no such microphone")

    with pytest.raises(OSError, match="no such microphone"):
        run_overlay(job, SETTINGS)


def test_an_error_while_the_job_finalises_comes_out() -> None:
    async def job(publish: Publish) -> None:
        close_window()
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run_overlay(job, SETTINGS)


def test_with_stay_the_window_is_closed_by_the_user_only() -> None:
    closed: list[float] = []

    async def job(publish: Publish) -> None:
        publish(caption("Ende", final=True))

    def close() -> None:
        closed.append(1.0)
        overlay().close()

    when_shown(lambda: QTimer.singleShot(1500, close))
    assert run_overlay(job, OverlaySettings(dwell_s=1, stay=True)) == 0
    assert closed


def test_captions_are_painted_while_the_job_blocks_its_loop() -> None:
    painted = threading.Event()

    async def job(publish: Publish) -> None:
        assert threading.current_thread() is not threading.main_thread()
        publish(caption("eins", final=True))
        assert painted.wait(timeout=TIMEOUT_S)
        close_window()

    when_shown(painted.set)
    assert run_overlay(job, SETTINGS) == 0


def test_an_error_in_the_window_is_logged_and_the_session_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Overlay, captions: list[Caption]) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Overlay, "show_captions", broken)
    ended: list[bool] = []

    async def job(publish: Publish) -> None:
        publish(caption("eins"))
        ended.append(True)

    assert run_overlay(job, SETTINGS) == 0
    assert ended == [True]
    assert "ZeroDivisionError" in caplog.text


def test_without_a_display_the_job_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QT_QPA_PLATFORM")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":4242")

    async def job(publish: Publish) -> None:
        raise AssertionError

    with pytest.raises(DisplayError, match="no X server answers at DISPLAY=:4242"):
        run_overlay(job, SETTINGS)
    with pytest.raises(DisplayError):
        check_display()
