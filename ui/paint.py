"""How text looks in the band: fonts of all scripts, and glyphs with a dark outline."""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from PyQt6.QtCore import QLoggingCategory, QPointF, QRectF, Qt
from PyQt6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QImage,
    QPainter,
    QPainterPath,
    QPen,
)

from ui.layout import Word
from ui.motion import Sprite

FAMILIES = (
    # One voice for most scripts where Noto is installed, then what other desktops bring.
    "Noto Sans",
    "Inter",
    "Segoe UI",
    "SF Pro Text",
    "Helvetica Neue",
    "DejaVu Sans",
    "Noto Sans Arabic",
    "Noto Naskh Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft YaHei",
    "PingFang SC",
    "Noto Sans Symbols",
    "Noto Color Emoji",
)
PATHS_KEPT = 512
OUTLINES_KEPT = 128
"""About 50 kB each at 28 points; more words than a band of six lines shows."""


class TextStyle:
    """One font and its two colours; paints words and knows their widths."""

    def __init__(
        self,
        font: QFont,
        committed: QColor,
        tentative: QColor,
        *,
        outline: QColor,
        outline_share: float,
    ) -> None:
        """`outline_share`: width of the stroke as a share of the font's height; half of it lies
        outside the glyph, and 0 is none.
        """
        self.font = font
        self._colours = {True: committed, False: tentative}
        metrics = QFontMetricsF(font)
        # Room for the outline, and for scripts that are taller than this font.
        self.line_height = metrics.height() * 1.12
        self.baseline = metrics.ascent() * 1.08
        self._metrics = metrics
        self._widths: OrderedDict[str, float] = OrderedDict()
        self._paths: OrderedDict[str, QPainterPath] = OrderedDict()
        self._outlines: OrderedDict[tuple[str, float], tuple[QPointF, QImage]] = OrderedDict()
        self._pen = QPen(outline, metrics.height() * outline_share)
        self._pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)

    def measure(self, text: str) -> float:
        """The width of a word in pixels."""
        width = self._widths.get(text)
        if width is None:
            width = self._widths[text] = self._metrics.horizontalAdvance(text)
            if len(self._widths) > 4 * PATHS_KEPT:
                self._widths.popitem(last=False)
        return width

    def paint(
        self, painter: QPainter, sprites: Iterable[Sprite], area_of: Callable[[float], QRectF]
    ) -> None:
        """Paint words; all outlines lie below all glyphs.

        Args:
            painter: of the window.
            sprites: the words, each with its row and opacity.
            area_of: where a row stands.
        """
        placed = [(one, self._origin(one, area_of(one.row))) for one in sprites]
        device = painter.device()
        ratio = 1.0 if device is None else device.devicePixelRatioF()
        for one, origin in placed:
            outline = self._outline(one.word.text, ratio)
            if outline is not None:
                offset, image = outline
                painter.setOpacity(one.alpha)
                painter.drawImage(origin + offset, image)
        for one, origin in placed:
            painter.setOpacity(one.alpha)
            self._fill(painter, one.word, origin)
        painter.setOpacity(1.0)

    def _fill(self, painter: QPainter, word: Word, origin: QPointF) -> None:
        colour = self._colours[word.committed]
        path = self._path(word.text)
        painter.translate(origin)
        if path.isEmpty():  # glyphs without outlines: colour emoji
            painter.setFont(self.font)
            painter.setPen(colour)
            painter.drawText(QPointF(0, 0), word.text)
        else:
            painter.fillPath(path, QBrush(colour))
        painter.translate(-origin)

    def _origin(self, one: Sprite, area: QRectF) -> QPointF:
        word = one.word
        x = area.right() - word.x - word.width if one.rtl else area.left() + word.x
        return QPointF(round(x), round(area.top() + self.baseline))  # whole pixels: outlines fit

    def _outline(self, text: str, ratio: float) -> tuple[QPointF, QImage] | None:
        """The picture of a word's outline and its place from the origin; None without outlines.

        Stroking takes eight times as long as filling, and most words of a revision were there
        before.
        """
        key = text, ratio
        outline = self._outlines.get(key)
        if outline is None:
            path = self._path(text)
            if path.isEmpty() or not self._pen.widthF():
                return None
            reach = self._pen.widthF()
            box = path.boundingRect().adjusted(-reach, -reach, reach, reach).toAlignedRect()
            image = QImage(box.size() * ratio, QImage.Format.Format_ARGB32_Premultiplied)
            image.setDevicePixelRatio(ratio)
            image.fill(Qt.GlobalColor.transparent)
            painter = QPainter(image)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.translate(-QPointF(box.topLeft()))
            painter.strokePath(path, self._pen)
            painter.end()
            outline = self._outlines[key] = QPointF(box.topLeft()), image
            if len(self._outlines) > OUTLINES_KEPT:
                self._outlines.popitem(last=False)
        return outline

    def _path(self, text: str) -> QPainterPath:
        path = self._paths.get(text)
        if path is None:
            path = QPainterPath()
            path.setFillRule(Qt.FillRule.WindingFill)  # overlapping strokes of a glyph stay solid
            path.addText(0, 0, self.font, text)
            self._paths[text] = path
            if len(self._paths) > PATHS_KEPT:
                self._paths.popitem(last=False)
        return path


def quiet_font_fallback() -> None:
    """Keep Qt from reporting each font that lacks a script: that is what fallbacks are for."""
    QLoggingCategory.setFilterRules("qt.text.font.db=false")


def subtitle_font(family: str, point_size: float, weight: QFont.Weight) -> QFont:
    """A font with fallbacks for the scripts that the preferred family lacks."""
    # Only installed families: Qt warns about each missing one.
    installed = set(QFontDatabase.families())
    families = [name for name in (family, *FAMILIES) if name in installed]
    font = QFont()
    if families:
        font.setFamilies(families)
    font.setPointSizeF(point_size)
    font.setWeight(weight)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font
