"""A form on a page of tabs, which scrolls where the screen is too small for it."""

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtWidgets import QFormLayout, QFrame, QScrollArea, QWidget


class FormPage(QScrollArea):
    """A form that is scrolled up and down, never to the side."""

    def __init__(self) -> None:
        super().__init__()
        self._page = QWidget()
        self.form = QFormLayout(self._page)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Tab goes from tab to field
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidgetResizable(True)
        self.setWidget(self._page)
        for widget in (self._page, self.viewport()):
            assert widget is not None
            widget.setAutoFillBackground(False)  # the tab's own shows

    def sizeHint(self) -> QSize:
        """That of the whole form, and of the scroll bar beside it."""
        bar = self.verticalScrollBar()
        assert bar is not None
        return self._page.sizeHint() + QSize(bar.sizeHint().width(), 0)

    def minimumSizeHint(self) -> QSize:
        """As wide as the form; a few lines of it, to scroll."""
        return QSize(self.sizeHint().width(), super().minimumSizeHint().height())
