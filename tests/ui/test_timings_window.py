from dataclasses import replace

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtWidgets import QApplication

from tests.ui.streams import caption
from ui.status import Figures
from ui.timings_window import TimingsWindow


def test_the_newest_words_stand_on_top_with_their_times(qt: QApplication) -> None:
    figures = Figures()
    figures.painted(replace(caption("", "eins"), end_s=1.0, emitted_s=1.5), 0.1)
    figures.painted(replace(caption("eins", "zwei", revision=1), end_s=2.0, emitted_s=2.75), 0.25)
    window = TimingsWindow(figures)
    window.refresh()
    rows = [
        [item.text() if (item := window.table.item(row, column)) else "" for column in range(4)]
        for row in range(window.table.rowCount())
    ]
    assert rows == [["zwei", "2.00", "0.75", "1.00"], ["eins", "1.00", "0.50", "0.60"]]
    window.deleteLater()
