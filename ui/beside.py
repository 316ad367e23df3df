"""Windows beside the band: neither covers the other where there is room for both."""

from PyQt6.QtCore import QPoint, QRect, Qt
from PyQt6.QtWidgets import QWidget

TITLE_PX = 32
"""Height of what a window manager puts on top of a window, before it has done so."""

BESIDE_THE_BAND = Qt.WindowType.Window | Qt.WindowType.WindowStaysOnTopHint
"""A band that fills the screen must not cover the window that makes it smaller again."""


def put_beside(window: QWidget, box: QRect, free: QRect) -> None:
    """Place a window above or below the band where it fits, else at the top.

    Args:
        window: about to be shown.
        box: of the band.
        free: of its screen.
    """
    resized = window.testAttribute(Qt.WidgetAttribute.WA_Resized)
    size = window.size() if resized else window.sizeHint()
    height = size.height() + TITLE_PX
    above, below = box.top() - free.top(), free.bottom() - box.bottom()
    top = free.top()
    if above >= height:
        top += (above - height) // 2
    elif below >= height:
        top = box.bottom() + 1 + (below - height) // 2
    left = box.center().x() - size.width() // 2
    left = max(free.left(), min(left, free.right() + 1 - size.width()))
    window.move(QPoint(left, top))
