"""The history: past sessions, to read, search, copy and export."""

from collections.abc import Iterable
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication, QKeySequence, QShortcut, QShowEvent
from PyQt6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.captions import Caption
from ui.background import Background
from ui.beside import BESIDE_THE_BAND
from ui.control import Archive, SessionRow

FORMS = ("srt", "vtt", "txt")


class HistoryWindow(QDialog):
    """Sessions on the left, what was said and shown on the right."""

    def __init__(self, archive: Archive, parent: QWidget | None = None) -> None:
        super().__init__(parent, BESIDE_THE_BAND)
        self.setWindowTitle(self.tr("History"))
        self.resize(860, 440)
        self._archive = archive
        self._background = Background(self)
        self.sessions = QListWidget()
        self.sessions.setAccessibleName(self.tr("Sessions"))
        self.sessions.setWordWrap(True)
        self.sessions.setSpacing(2)
        self.sessions.currentItemChanged.connect(self._open)
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels([self.tr("Time"), self.tr("Said"), self.tr("Shown")])
        self.table.setAccessibleName(self.tr("Captions"))
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setWordWrap(True)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        header, rows = self.table.horizontalHeader(), self.table.verticalHeader()
        assert header is not None
        assert rows is not None
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        rows.hide()
        self.query = QLineEdit()
        self.query.setPlaceholderText(self.tr("Search all sessions"))
        self.query.setAccessibleName(self.tr("Search"))
        self.query.setClearButtonEnabled(True)
        self.query.returnPressed.connect(self._search)
        self.said = QLabel()
        self._lay_out()
        QShortcut(QKeySequence.StandardKey.Copy, self.table, self.copy)

    def _lay_out(self) -> None:
        split = QSplitter()
        split.addWidget(self.sessions)
        split.addWidget(self.table)
        split.setStretchFactor(1, 1)
        split.setSizes([250, 600])
        row = QHBoxLayout()
        row.addWidget(self.said, 1)
        copy = QPushButton(self.tr("&Copy"))
        copy.setAutoDefault(False)  # Return belongs to the search
        copy.clicked.connect(self.copy)
        row.addWidget(copy)
        for form in FORMS:
            button = QPushButton(self.tr("Export {form} …").format(form=f"&{form.upper()}"))
            button.setObjectName(form)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _, form=form: self._ask_and_export(form))
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.query)
        layout.addWidget(split, 1)
        layout.addLayout(row)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: D102 (Qt's)
        self._background.ask(self._archive.sessions, self._list, self.said.setText)

    def copy(self) -> None:
        """Put the selected captions, or all that are listed, on the clipboard."""
        chosen = sorted({index.row() for index in self.table.selectedIndexes()})
        rows = chosen or range(self.table.rowCount())
        lines = [
            "\t".join(item.text() for column in range(3) if (item := self.table.item(row, column)))
            for row in rows
        ]
        clipboard = QGuiApplication.clipboard()
        assert clipboard is not None
        clipboard.setText("\n".join(lines))
        self.said.setText(self.tr("Lines copied: {n}").format(n=len(lines)))

    def export(self, form: str, path: Path) -> None:
        """Write the session that is chosen to a file."""
        item = self.sessions.currentItem()
        if item is None:
            self.said.setText(self.tr("Choose a session first"))
            return
        session = str(item.data(Qt.ItemDataRole.UserRole))

        def write() -> str:
            path.write_text(self._archive.export(session, form), encoding="utf-8")
            return str(path)

        self._background.ask(
            write,
            lambda written: self.said.setText(self.tr("Written: {path}").format(path=written)),
            self.said.setText,
        )

    def _ask_and_export(self, form: str) -> None:
        name, _ = QFileDialog.getSaveFileName(self, self.tr("Export"), f"dragoman.{form}")
        if name:
            self.export(form, Path(name))

    def _list(self, rows: list[SessionRow]) -> None:
        self.sessions.clear()
        for row in rows:
            item = QListWidgetItem(row.label)
            item.setData(Qt.ItemDataRole.UserRole, row.id)
            self.sessions.addItem(item)
        if rows:
            self.sessions.setCurrentRow(0)
        else:
            self.said.setText(self.tr("Nothing has been kept yet"))

    def _open(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            session = str(item.data(Qt.ItemDataRole.UserRole))
            self._background.ask(
                lambda: self._archive.captions(session), self._fill, self.said.setText
            )

    def _search(self) -> None:
        text = self.query.text().strip()
        if text:
            self._background.ask(lambda: self._archive.search(text), self._fill, self.said.setText)
        else:
            self._open(self.sessions.currentItem())

    def _fill(self, captions: Iterable[Caption]) -> None:
        shown = list(captions)
        self.table.setRowCount(len(shown))
        for at, caption in enumerate(shown):
            texts = (_time(caption.start_s), caption.source.full, caption.target.full)
            for column, text in enumerate(texts):
                self.table.setItem(at, column, QTableWidgetItem(text))
        self.table.resizeColumnToContents(0)
        self.table.setColumnWidth(1, 260)
        self.table.resizeRowsToContents()
        self.said.setText(self.tr("Captions: {n}").format(n=len(shown)))

    def wait(self) -> None:
        """Finish what runs in the background, for the end of the program."""
        self._background.close()


def _time(seconds: float) -> str:
    minutes, whole = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}"
