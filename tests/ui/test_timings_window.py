from dataclasses import replace

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtWidgets import QApplication

from engine.captions import WordTimes
from tests.ui.streams import caption
from tests.ui.waiting import wait_until
from ui.status import Figures
from ui.timings_window import TimingsWindow


def rows(window: TimingsWindow) -> list[list[str]]:
    return [
        [item.text() if (item := window.table.item(row, column)) else "" for column in range(5)]
        for row in range(window.table.rowCount())
    ]


def times(text: str, spoken_s: float) -> WordTimes:
    return WordTimes(
        text=text,
        spoken_s=spoken_s,
        recognised_s=spoken_s + 0.5,
        translated_s=spoken_s + 0.6,
        shown_s=spoken_s + 0.6,
    )


def test_each_step_of_each_word_is_listed_newest_first_while_the_window_is_open(
    qt: QApplication,
) -> None:
    figures = Figures()
    window = TimingsWindow(figures)
    window.show()
    first = replace(caption("", "eins"), emitted_s=1.6)
    figures.painted(first, 0.05)
    words = (times("eins", 1.0), times("zwei", 2.0))
    both = replace(caption("eins zwei", revision=1), emitted_s=2.75, words=words)
    figures.painted(both, 0.1)
    assert wait_until(lambda: len(rows(window)) == 2)
    assert rows(window) == [
        ["zwei", "2.00 s", "+0.50 s", "+0.60 s", "+0.85 s"],
        ["eins", "1.00 s", "+0.50 s", "+0.60 s", "+0.65 s"],  # painted when it was tentative
    ]
    window.close()
    window.deleteLater()


def test_captions_without_times_of_words_are_listed_as_a_whole(qt: QApplication) -> None:
    figures = Figures()
    figures.painted(replace(caption("eins und"), end_s=1.0, emitted_s=1.5), 0.1)
    second = caption("eins und zwei", "drei", revision=1)
    figures.painted(replace(second, end_s=2.0, emitted_s=2.75), 0.25)
    window = TimingsWindow(figures)
    window.refresh()
    assert rows(window) == [
        ["zwei", "2.00 s", "", "+0.75 s", "+1.00 s"],
        ["eins und", "1.00 s", "", "+0.50 s", "+0.60 s"],
    ]
    window.deleteLater()
