"""A recorded session of 90 seconds, as the engine gave it, painted step by step."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtCore import QPointF, QRectF
from PyQt6.QtGui import QPainter
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from engine.captions import Caption
from tests.fakes import ManualClock
from ui.motion import Sprite
from ui.overlay import Overlay
from ui.paint import TextStyle
from ui.settings import OverlaySettings

RECORDED = [
    Caption.from_json(line)
    for line in (Path(__file__).parent / "recorded.jsonl").read_text(encoding="utf-8").splitlines()
]
STEP_S = 0.08
Key = tuple[float, int, int, int]
"""Size of the font (which tells the sides apart), segment, line, word."""
Words = dict[Key, tuple[str, QPointF, float]]
"""Text, place and opacity."""


class Painted:
    """Where each committed word was painted in the newest picture, and how opaque."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.words: Words = {}
        paint = TextStyle.paint

        def record(
            style: TextStyle,
            painter: QPainter,
            sprites: Iterable[Sprite],
            area_of: Callable[[float], QRectF],
        ) -> None:
            kept = list(sprites)
            for one in kept:
                if one.word.committed and one.row > -0.5:
                    key = (style.font.pointSizeF(), *one.key)
                    at = style._origin(one, area_of(one.row))
                    self.words[key] = one.word.text, at, one.alpha
            paint(style, painter, kept, area_of)

        patch.setattr(TextStyle, "paint", record)

    def take(self) -> Words:
        words, self.words = self.words, {}
        return words


def in_frame(overlay: Overlay) -> set[Key]:
    """The words that are to be seen; those that leave are not."""
    sides = (
        (overlay._scene.look.target, overlay.frame.target),
        (overlay._scene.look.source, overlay.frame.source),
    )
    return {
        (side.style.font.pointSizeF(), line.segment, line.index, nth)
        for side, lines in sides
        for line in lines
        for nth, _ in enumerate(line.words)
    }


def pictures(overlay: Overlay, clock: ManualClock, painted: Painted) -> Iterator[Words]:
    """The session, a step at a time."""
    waiting = list(RECORDED)
    while clock.now_s < RECORDED[-1].emitted_s + 5:
        clock.now_s += STEP_S
        due = [one for one in waiting if one.emitted_s <= clock.now_s]
        waiting = waiting[len(due) :]
        if due:
            overlay.show_captions(due)
        overlay._refresh()
        painted.take()
        overlay.repaint()
        there = in_frame(overlay)
        yield {key: word for key, word in painted.take().items() if key in there}


@pytest.mark.parametrize(
    "settings",
    [
        OverlaySettings(motion="on"),
        OverlaySettings(motion="on", reading_mode=True),
        OverlaySettings(motion="off", rows=4),
    ],
)
def test_no_committed_word_moves_except_that_lines_roll_up(
    qt: QApplication, monkeypatch: pytest.MonkeyPatch, settings: OverlaySettings
) -> None:
    assert RECORDED[-1].emitted_s > 90
    clock = ManualClock()
    overlay = Overlay(settings, clock=clock)
    overlay.show()
    assert QTest.qWaitForWindowExposed(overlay)
    before: Words = {}
    n_words: set[Key] = set()
    for words in pictures(overlay, clock, Painted(monkeypatch)):
        for key in words.keys() & before.keys():
            (text, at, alpha), (text_before, at_before, alpha_before) = words[key], before[key]
            assert (text, at.x()) == (text_before, at_before.x())
            assert at.y() <= at_before.y()
            assert alpha >= alpha_before
        n_words |= words.keys()
        before = words
    finals = [one for one in RECORDED if one.final]
    assert len(n_words) >= sum(len(one.target.committed.split()) for one in finals) * 0.95
    overlay.close()
    overlay.deleteLater()
