"""What the band looks like for its settings and width: fonts, colours, and where lines stand."""

import dataclasses
import math
from dataclasses import dataclass

from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QColor, QFont

from ui.paint import TextStyle, subtitle_font
from ui.settings import OverlaySettings
from ui.state import Shape

STATUS_SHARE = 0.42
"""Size of the read-out, as a share of the translation's."""
STATUS_LEAST_PT = 9.0
MARGIN_X, MARGIN_Y = 0.6, 0.22
"""Beside and above the text, as a share of a line's height."""


@dataclass(frozen=True, slots=True)
class Side:
    """The source or the translation in the band."""

    style: TextStyle
    rows: int
    """0 if it is not shown."""
    tentative: bool
    """Whether words that may still change are shown."""
    top: float
    left: float = 0.0
    width: float = 0.0

    @property
    def height(self) -> float:
        """Of all its rows."""
        return self.rows * self.style.line_height

    @property
    def whole(self) -> QRectF:
        """Where all its rows are painted."""
        return QRectF(self.left, self.top, self.width, self.height)

    @property
    def shape(self) -> Shape:
        """What line breaking needs."""
        return Shape(self.rows, self.width, self.style.measure, self.tentative)

    def area(self, row: float = 0.0) -> QRectF:
        """Where a row is painted, in the window's pixels."""
        top = self.top + row * self.style.line_height
        return QRectF(self.left, top, self.width, self.style.line_height)


@dataclass(frozen=True, slots=True)
class Look:
    """All that painting and placing need to know."""

    target: Side
    source: Side
    status: TextStyle
    pad_x: int
    pad_y: int
    height: int
    """Of the whole band."""

    def for_width(self, settings: OverlaySettings, width: int) -> "Look":
        """The same look in a band of another width, in pixels."""
        inner = float(width - 2 * self.pad_x)
        column = inner * settings.column_percent / 100
        share = {"left": 0.0, "centre": 0.5, "right": 1.0}[settings.align]
        left = self.pad_x + (inner - column) * share
        return dataclasses.replace(
            self,
            target=dataclasses.replace(self.target, left=left, width=column),
            source=dataclasses.replace(self.source, left=left, width=column),
        )

    def window_of(self, side: Side) -> QRectF:
        """Where a side's lines are to be seen: one that slides out is not painted on the other."""
        return self.reach(side.whole).adjusted(
            0, 0.75 * MARGIN_Y * self.target.style.line_height, 0, 0
        )

    def reach(self, area: QRectF) -> QRectF:
        """An area with what may stick out of it: outlines, accents, hanging punctuation."""
        line_height = self.target.style.line_height
        x, y = MARGIN_X * line_height, MARGIN_Y * line_height
        return area.adjusted(-x, -y, x, y)


def make_look(settings: OverlaySettings, width: int) -> Look:
    """The look in a band of that width in pixels."""

    def style(size_pt: float, weight: int, colour: str, tentative: str) -> TextStyle:
        font = subtitle_font(settings.font_family, size_pt, QFont.Weight(_nearest(weight)))
        return TextStyle(
            font,
            QColor(colour),
            QColor(tentative),
            outline=QColor(settings.outline_colour),
            outline_share=settings.outline_percent / 100,
        )

    font_pt = settings.font_pt
    source_pt = font_pt * settings.source_percent / 100
    weight = settings.font_weight
    target = style(font_pt, weight, settings.colour, settings.tentative_colour)
    lighter = max(100, weight - 100)
    source = style(source_pt, lighter, settings.source_colour, settings.tentative_colour)
    status_pt = max(STATUS_LEAST_PT, font_pt * STATUS_SHARE)
    status = style(status_pt, 500, settings.source_colour, settings.tentative_colour)
    margin = target.line_height * settings.margin_percent / 100
    pad_x, pad_y = round(MARGIN_X * margin), round(MARGIN_Y * margin)
    status_height = status.line_height if settings.status else 0.0
    source_rows = settings.source_rows if settings.shows_source else 0
    rows = settings.rows if settings.shows_target else 0
    tentative = not settings.reading_mode
    source_side = Side(source, source_rows, tentative, top=pad_y + status_height)
    target_side = Side(target, rows, tentative, top=source_side.top + source_side.height)
    height = math.ceil(target_side.top + target_side.height + pad_y)
    look = Look(target_side, source_side, status, pad_x, pad_y, height)
    return look.for_width(settings, width)


def _nearest(weight: int) -> int:
    """The nearest of Qt's nine weights."""
    return max(100, min(900, round(weight / 100) * 100))
