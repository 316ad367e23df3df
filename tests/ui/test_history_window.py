from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from tests.ui.fakes import FakeArchive
from tests.ui.waiting import wait_until
from ui.history_window import HistoryWindow


@pytest.fixture
def archive() -> FakeArchive:
    return FakeArchive()


@pytest.fixture
def window(qt: QApplication, archive: FakeArchive) -> Iterator[HistoryWindow]:
    window = HistoryWindow(archive)
    window.show()
    yield window
    window.wait()
    window.close()
    window.deleteLater()


def shown(window: HistoryWindow) -> list[str]:
    rows = range(window.table.rowCount())
    return [item.text() if (item := window.table.item(row, 2)) else "" for row in rows]


def test_the_newest_session_is_open(window: HistoryWindow) -> None:
    assert wait_until(lambda: shown(window) == ["Guten Morgen", "Wie geht es?"])
    assert window.sessions.count() == 2


def test_another_session_can_be_read(window: HistoryWindow) -> None:
    assert wait_until(lambda: window.sessions.count() == 2)
    window.sessions.setFocus()
    QTest.keyClick(window.sessions, Qt.Key.Key_Down)
    assert wait_until(lambda: shown(window) == ["Ende"])


def test_search_finds_words_in_all_sessions_and_emptied_shows_the_session(
    window: HistoryWindow,
) -> None:
    assert wait_until(lambda: len(shown(window)) == 2)
    QTest.keyClicks(window.query, "the end")
    QTest.keyClick(window.query, Qt.Key.Key_Return)
    assert wait_until(lambda: shown(window) == ["Ende"])
    window.query.clear()
    QTest.keyClick(window.query, Qt.Key.Key_Return)
    assert wait_until(lambda: len(shown(window)) == 2)
    assert window.isVisible()


def test_copy_takes_the_selected_rows_or_all(window: HistoryWindow) -> None:
    assert wait_until(lambda: len(shown(window)) == 2)
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    window.copy()
    assert clipboard.text().splitlines() == [
        "0:00:00\tgood morning\tGuten Morgen",
        "0:00:00\thow are you\tWie geht es?",
    ]
    window.table.selectRow(1)
    window.table.setFocus()
    QTest.keyClick(window.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.text() == "0:00:00\thow are you\tWie geht es?"


@pytest.mark.parametrize("form", ["srt", "vtt", "txt"])
def test_a_session_is_exported(window: HistoryWindow, tmp_path: Path, form: str) -> None:
    assert wait_until(lambda: len(shown(window)) == 2)
    file = tmp_path / f"talk.{form}"
    window.export(form, file)
    assert wait_until(lambda: window.said.text() == f"Written: {file}")
    assert file.read_text() == f"{form}: Guten Morgen / Wie geht es?"


def test_what_goes_wrong_is_said(
    window: HistoryWindow, archive: FakeArchive, tmp_path: Path
) -> None:
    assert wait_until(lambda: len(shown(window)) == 2)
    archive.broken = True
    window.export("srt", tmp_path / "talk.srt")
    assert wait_until(lambda: window.said.text() == "the journal is damaged")
