"""An editor of a hotkey: takes the keys that are pressed in it."""

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QKeySequence
from PyQt6.QtWidgets import QHBoxLayout, QKeySequenceEdit, QPushButton, QWidget


class HotkeyEdit(QWidget):
    """Keys that are not good for a hotkey, such as a lone modifier, change nothing."""

    chosen = pyqtSignal(str)
    """The user wants this key, such as `Ctrl+Alt+D`; empty is none."""

    def __init__(self, name: str, label: str) -> None:
        """`name` is for tests, `label` for screen readers."""
        super().__init__()
        self._text = ""
        self.keys = _Keys()
        self.keys.setObjectName(name)
        self.keys.setAccessibleName(label)
        self.keys.setMaximumSequenceLength(1)
        self.keys.editingFinished.connect(self._take)
        none = QPushButton(self.tr("None"))
        none.setAutoDefault(False)
        none.setAccessibleName(self.tr("No key: {action}").format(action=label))
        none.clicked.connect(lambda: self.chosen.emit(""))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.keys, 1)
        layout.addWidget(none)

    def show_key(self, text: str) -> None:
        """Show the key that is chosen now."""
        self._text = text
        self.keys.setKeySequence(QKeySequence.fromString(text))

    def _take(self) -> None:
        text = self.keys.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        if text:
            self.chosen.emit(text)
        self.show_key(self._text)  # the one before, where this one was not taken


class _Keys(QKeySequenceEdit):
    """Leaves Escape to the window, which it closes."""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        if event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)
