"""Windows beside the band: neither covers the other where there is room for both."""

from PyQt6.QtCore import QMargins, QPoint, QRect, Qt
from PyQt6.QtWidgets import QWidget

USUAL_FRAME = QMargins(8, 32, 8, 8)
"""What a window manager puts around a window; it tells only once a window is shown."""

BESIDE_THE_BAND = Qt.WindowType.Window | Qt.WindowType.WindowStaysOnTopHint
"""A band that fills the screen must not cover the window that makes it smaller again."""


def put_beside(window: QWidget, box: QRect, free: QRect, frame: QMargins) -> None:
    """Place a window above or below the band where it fits, else at the top.

    It gets no larger than the screen has room for it and its frame.

    Args:
        window: about to be shown.
        box: of the band.
        free: of its screen.
        frame: what the window manager will put around the window.
    """
    wanted = window.size()
    if not window.testAttribute(Qt.WidgetAttribute.WA_Resized):
        wanted = window.sizeHint()
        wanted.setHeight(max(wanted.height(), window.heightForWidth(wanted.width())))
    # Without a size of its own, Qt would choose one when it is shown, and count the place that is
    # set below as that of the window without its frame.
    window.resize(wanted.boundedTo(free.marginsRemoved(frame).size()))
    framed = window.rect().marginsAdded(frame)
    above, below = box.top() - free.top(), free.bottom() - box.bottom()
    top = free.top()
    if above >= framed.height():
        top += (above - framed.height()) // 2
    elif below >= framed.height():
        top = box.bottom() + 1 + (below - framed.height()) // 2
    left = box.center().x() - window.width() // 2
    left = max(free.left(), min(left, free.right() + 1 - framed.width()))
    window.move(QPoint(left, top))
