"""When each word was said, recognised, translated and painted, for those who want to know."""

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QHideEvent, QShowEvent
from PyQt6.QtWidgets import (
    QDialog,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ui.beside import BESIDE_THE_BAND
from ui.status import Figures, Timing

REFRESH_MS = 500


class TimingsWindow(QDialog):
    """The newest words on top, as long as the window is open."""

    def __init__(self, figures: Figures, parent: QWidget | None = None) -> None:
        super().__init__(parent, BESIDE_THE_BAND)
        self.setWindowTitle(self.tr("Times of each word"))
        self.resize(680, 380)
        self._figures = figures
        self._shown: Timing | None = None
        self.table = QTableWidget(0, 5)
        self.table.setHorizontalHeaderLabels(
            [
                self.tr("Word"),
                self.tr("Spoken at"),
                self.tr("Recognised"),
                self.tr("Translated"),
                self.tr("Painted"),
            ]
        )
        self.table.setAccessibleName(self.tr("Times of each word"))
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setAlternatingRowColors(True)
        header, rows = self.table.horizontalHeader(), self.table.verticalHeader()
        assert header is not None
        assert rows is not None
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        rows.hide()
        note = QLabel(
            self.tr(
                "Seconds after the word was spoken, since when it has stood as it stays. Which "
                "spoken word a translated one stands for is an estimate by its place."
            )
        )
        note.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table)
        layout.addWidget(note)
        self._refreshes = QTimer(self)
        self._refreshes.setInterval(REFRESH_MS)
        self._refreshes.timeout.connect(self.refresh)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: D102 (Qt's)
        self._refreshes.start()

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: D102 (Qt's)
        self._refreshes.stop()

    def refresh(self) -> None:
        """List the words painted until now."""
        timings = self._figures.timings
        if not timings or timings[-1] is self._shown:
            return
        self._shown = timings[-1]
        self.table.setRowCount(len(timings))
        for at, timing in enumerate(reversed(timings)):
            for column, text in enumerate(_cells(timing)):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.table.setItem(at, column, item)


def _cells(timing: Timing) -> tuple[str, ...]:
    steps = (timing.recognised_s, timing.translated_s, timing.painted_s)
    after = ("" if at_s is None else f"+{at_s - timing.spoken_s:.2f} s" for at_s in steps)
    return timing.text, f"{timing.spoken_s:.2f} s", *after
