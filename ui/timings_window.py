"""When each word was said, translated and painted, for those who want to know where time goes."""

from PyQt6.QtWidgets import QDialog, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from ui.beside import BESIDE_THE_BAND
from ui.status import Figures


class TimingsWindow(QDialog):
    """The newest words on top."""

    def __init__(self, figures: Figures, parent: QWidget | None = None) -> None:
        super().__init__(parent, BESIDE_THE_BAND)
        self.setWindowTitle(self.tr("Dragoman – Times of each word"))
        self.resize(620, 360)
        self._figures = figures
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels(
            [
                self.tr("Words"),
                self.tr("Spoken until (s)"),
                self.tr("Translated after (s)"),
                self.tr("Painted after (s)"),
            ]
        )
        self.table.setAccessibleName(self.tr("Times of each word"))
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table)

    def refresh(self) -> None:
        """List the words painted until now."""
        timings = list(reversed(self._figures.timings))
        self.table.setRowCount(len(timings))
        for at, timing in enumerate(timings):
            cells = (
                timing.text,
                f"{timing.spoken_s:.2f}",
                f"{timing.translated_s - timing.spoken_s:.2f}",
                f"{timing.painted_s - timing.spoken_s:.2f}",
            )
            for column, text in enumerate(cells):
                self.table.setItem(at, column, QTableWidgetItem(text))
        self.table.resizeColumnsToContents()
