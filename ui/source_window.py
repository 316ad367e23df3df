"""The first start: what should be listened to? With a level meter, so that one sees it hear."""

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtGui import QHideEvent, QShowEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from ui.background import Background
from ui.beside import BESIDE_THE_BAND
from ui.choice_text import choice_text
from ui.control import Choice, Control, Option

LOOK_AGAIN_MS = 2000
"""While there is nothing to choose, new devices are looked for so often."""


class SourceWindow(QDialog):
    """Choose the microphone or what the computer plays, see its level, and start."""

    _level = pyqtSignal(float)

    def __init__(
        self, control: Control, background: Background, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, BESIDE_THE_BAND)
        self.setWindowTitle(self.tr("What should be translated?"))
        self.setMinimumWidth(460)
        self._control = control
        self._background = background
        self._stop_listening: Callable[[], None] | None = None
        self.text = QLabel(self.tr("Looking for microphones …"))
        self.text.setWordWrap(True)
        self.text.setMinimumHeight(2 * self.text.fontMetrics().lineSpacing())
        self.sources = QComboBox()
        self.sources.setAccessibleName(self.tr("Listen to"))
        self.meter = QProgressBar()
        self.meter.setRange(0, 100)
        self.meter.setTextVisible(False)
        self.meter.setAccessibleName(self.tr("Level"))
        self.sources.currentIndexChanged.connect(self._listen)
        self._level.connect(self._show_level)
        buttons = QDialogButtonBox()
        start = buttons.addButton(self.tr("&Start"), QDialogButtonBox.ButtonRole.AcceptRole)
        assert start is not None
        self.start = start
        buttons.addButton(self.tr("&Later"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self._start)
        buttons.rejected.connect(self.reject)
        self._look_again = QTimer(self)
        self._look_again.setSingleShot(True)
        self._look_again.setInterval(LOOK_AGAIN_MS)
        self._look_again.timeout.connect(self._look)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        for widget in (self.text, self.sources, self.meter, buttons):
            layout.addWidget(widget)
        self._fill((), "")

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: D102 (Qt's)
        self._look()

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: D102 (Qt's)
        self._look_again.stop()
        self._stop()

    def _look(self) -> None:
        self._background.ask(self._control.options, self._take, self.text.setText)

    def _take(self, options: Sequence[Option]) -> None:
        """Offer the sources that were found; without any, look again in a moment."""
        if not self.isVisible():
            return
        found = next((option for option in options if option.key == "source"), None)
        if found is not None:
            self.text.setText(
                self.tr(
                    "Choose a microphone, or what this computer plays, and speak or play sound: "
                    "the bar moves with what is heard."
                )
            )
            self._fill(found.choices, found.chosen)
            self.sources.setFocus()
            self._listen()
        else:
            self.text.setText(
                self.tr("No microphone was found. Plug one in: it appears here by itself.")
            )
            self._look_again.start()

    def _fill(self, choices: Sequence[Choice], chosen: str) -> None:
        self.sources.blockSignals(True)  # they come while it is half filled
        self.sources.clear()
        for choice in choices:
            self.sources.addItem(choice_text(choice), choice.value)
        self.sources.setCurrentIndex(max(0, self.sources.findData(chosen)))
        self.sources.blockSignals(False)
        for widget in (self.sources, self.meter, self.start):
            widget.setEnabled(bool(choices))

    def _listen(self) -> None:
        self._stop()
        source = self.sources.currentData()
        if source is not None:
            self._stop_listening = self._control.listen(source, self._level.emit)

    def _show_level(self, level: float) -> None:
        self.meter.setValue(round(100 * level))

    def _start(self) -> None:
        self._stop()
        self._control.choose("source", self.sources.currentData())
        self._control.start()
        self.accept()

    def _stop(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        self.meter.setValue(0)
