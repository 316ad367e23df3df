"""The first start: what should be listened to? With a level meter, so that one sees it hear."""

from collections.abc import Callable

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QHideEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from ui.control import Control
from ui.session_menu import choice_text


class SourceWindow(QDialog):
    """Choose the microphone or what the computer plays, see its level, and start."""

    _level = pyqtSignal(float)

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(self.tr("Dragoman – What should be translated?"))
        self._control = control
        self._stop_listening: Callable[[], None] | None = None
        self.sources = QComboBox()
        self.sources.setAccessibleName(self.tr("Listen to"))
        self.meter = QProgressBar()
        self.meter.setRange(0, 100)
        self.meter.setTextVisible(False)
        self.meter.setAccessibleName(self.tr("Level"))
        for option in control.options():
            if option.key == "source":
                for choice in option.choices:
                    self.sources.addItem(choice_text(choice), choice.value)
                self.sources.setCurrentIndex(self.sources.findData(option.chosen))
        self.sources.currentIndexChanged.connect(self._listen)
        self._level.connect(lambda level: self.meter.setValue(round(100 * level)))
        buttons = QDialogButtonBox()
        start = buttons.addButton(self.tr("&Start"), QDialogButtonBox.ButtonRole.AcceptRole)
        assert start is not None
        start.setEnabled(self.sources.count() > 0)
        buttons.accepted.connect(self._start)
        layout = QVBoxLayout(self)
        text = self.tr("Choose a microphone, or what this computer plays, and speak or play sound:")
        if not self.sources.count():
            text = self.tr("No microphone was found. Plug one in and choose it in the tray menu.")
        layout.addWidget(QLabel(text))
        layout.addWidget(self.sources)
        layout.addWidget(self.meter)
        layout.addWidget(buttons)
        self._listen()

    def _listen(self) -> None:
        self._stop()
        source = self.sources.currentData()
        if source is not None:
            self._stop_listening = self._control.listen(source, self._level.emit)

    def _start(self) -> None:
        self._stop()
        self._control.choose("source", self.sources.currentData())
        self._control.start()
        self.accept()

    def _stop(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: D102 (Qt's)
        self._stop()
