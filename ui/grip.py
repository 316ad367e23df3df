"""Moving the band with the mouse, and widening it at its left and right edges."""

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, QPoint, QRect, Qt
from PyQt6.QtGui import QGuiApplication, QMouseEvent
from PyQt6.QtWidgets import QWidget

EDGE_PX = 12


class Grip(QObject):
    """Turns mouse events of a frameless window into moves and resizes.

    The window system does it where it can (the only way under Wayland). On X the window follows
    the mouse by itself: there may be no window manager, and one that hears of a click when the
    button is up again would leave the window hanging on the mouse.
    """

    def __init__(self, window: QWidget, box: Callable[[], QRect]) -> None:
        """Move `window`, which is at `box()`: Qt does not always know."""
        super().__init__(window)
        self._window = window
        self._box = box
        self._held: tuple[Qt.Edge, QPoint, QRect] | None = None
        window.setMouseTracking(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take the window's mouse events, and leave it the others."""
        if not isinstance(event, QMouseEvent):
            return False
        match event.type():
            case QEvent.Type.MouseButtonPress if event.button() == Qt.MouseButton.LeftButton:
                self._press(event)
            case QEvent.Type.MouseMove:
                self._move(event)
            case QEvent.Type.MouseButtonRelease if self._held is not None:
                self._held = None
            case _:
                return False
        return True

    def _press(self, event: QMouseEvent) -> None:
        edge = self._edge(event)
        if QGuiApplication.platformName() == "xcb" or not self._hand_over(edge):
            self._held = edge, event.globalPosition().toPoint(), self._box()

    def _hand_over(self, edge: Qt.Edge) -> bool:
        window = self._window.windowHandle()
        assert window is not None, "a window that is clicked is on screen"
        return window.startSystemResize(edge) if edge else window.startSystemMove()

    def _move(self, event: QMouseEvent) -> None:
        if self._held is None:
            at_edge = bool(self._edge(event))
            shape = Qt.CursorShape.SizeHorCursor if at_edge else Qt.CursorShape.SizeAllCursor
            self._window.setCursor(shape)
            return
        edge, start, box = self._held
        by = event.globalPosition().toPoint() - start
        narrowest = self._window.minimumWidth()
        if not edge:
            self._window.move(box.topLeft() + by)
        elif edge & Qt.Edge.LeftEdge:
            left = min(box.left() + by.x(), box.right() + 1 - narrowest)
            self._window.setGeometry(QRect(QPoint(left, box.top()), box.bottomRight()))
        else:
            width = max(box.width() + by.x(), narrowest)
            self._window.resize(width, box.height())

    def _edge(self, event: QMouseEvent) -> Qt.Edge:
        x = event.position().x()
        if x < EDGE_PX:
            return Qt.Edge.LeftEdge
        return Qt.Edge.RightEdge if x >= self._window.width() - EDGE_PX else Qt.Edge(0)
