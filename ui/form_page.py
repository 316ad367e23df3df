"""A form on a page of tabs, which scrolls where the screen is too small for it."""

from PyQt6.QtCore import QEvent, QObject, QSize, Qt
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QScrollArea,
    QWidget,
)


class FormPage(QScrollArea):
    """A form that is scrolled up and down, never to the side.

    The wheel of the mouse scrolls it, and turns a field only once the user has gone to that.
    """

    def __init__(self) -> None:
        super().__init__()
        self._page = QWidget()
        self._wheel = _WheelForThePage(self)
        self.form = QFormLayout(self._page)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Tab goes from tab to field
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setWidget(self._page)
        for widget in (self._page, self.viewport()):
            assert widget is not None
            widget.setAutoFillBackground(False)  # the tab's own shows

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: D102 (Qt's)
        for kind in (QAbstractSpinBox, QComboBox):
            for field in self._page.findChildren(kind):
                self._wheel.keep_from(field)
        super().showEvent(event)

    def sizeHint(self) -> QSize:
        """That of the whole form, and of the scroll bar beside it."""
        bar = self.verticalScrollBar()
        assert bar is not None
        return self._page.sizeHint() + QSize(bar.sizeHint().width(), 0)

    def minimumSizeHint(self) -> QSize:
        """As wide as the form; a few lines of it, to scroll."""
        return QSize(self.sizeHint().width(), super().minimumSizeHint().height())


class _WheelForThePage(QObject):
    """Hands the wheel on to the page where the field under the mouse has no focus."""

    def keep_from(self, field: QWidget) -> None:
        field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # else the wheel itself would give it
        field.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if (
            isinstance(watched, QWidget)
            and event is not None
            and event.type() == QEvent.Type.Wheel
            and not watched.hasFocus()
        ):
            event.ignore()
            return True
        return super().eventFilter(watched, event)
