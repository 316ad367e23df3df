"""Editors of single settings, and the band that follows them at once."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QColor, QFont
from PyQt6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QComboBox,
    QDoubleSpinBox,
    QFontComboBox,
    QFormLayout,
    QPushButton,
    QSpinBox,
    QWidget,
)

from ui.hotkey_edit import HotkeyEdit
from ui.overlay import Overlay
from ui.settings import RANGES, OverlaySettings, OverlaySettingsError


class Fields(QObject):
    """Makes editors of the overlay's settings; editor and setting follow each other."""

    changed = pyqtSignal()

    def __init__(self, overlay: Overlay) -> None:
        super().__init__(overlay)
        self._overlay = overlay
        self._show: list[Callable[[OverlaySettings], None]] = []
        overlay.changed.connect(self._follow)

    def number(self, form: QFormLayout, key: str, label: str, unit: str = "") -> None:
        """An editor of a number within its range."""
        low, high = RANGES[key]
        value = getattr(self._overlay.settings, key)
        editor: QSpinBox | QDoubleSpinBox
        if isinstance(value, int):
            whole = QSpinBox()
            whole.setRange(int(low), int(high))
            whole.valueChanged.connect(lambda number: self._set(key, number))
            self._show.append(lambda now: whole.setValue(getattr(now, key)))
            editor = whole
        else:
            real = QDoubleSpinBox()
            real.setRange(low, high)
            real.setDecimals(2 if high <= 1 else 1)
            real.setSingleStep(0.05 if high <= 1 else 0.5)
            real.valueChanged.connect(lambda number: self._set(key, number))
            self._show.append(lambda now: real.setValue(getattr(now, key)))
            editor = real
        if unit:
            editor.setSuffix(f" {unit}")
        self._add(form, editor, key, label)

    def switch(self, form: QFormLayout, key: str, label: str) -> None:
        """A box to tick."""
        editor = QCheckBox(label)
        editor.toggled.connect(lambda on: self._set(key, on))
        self._show.append(lambda now: editor.setChecked(getattr(now, key)))
        self._name(editor, key, label)
        form.addRow(editor)

    def choice(
        self, form: QFormLayout, key: str, label: str, choices: Iterable[tuple[str, str]]
    ) -> None:
        """A list of (value, label) to choose from."""
        editor = QComboBox()
        for value, text in choices:
            editor.addItem(text, value)
        editor.activated.connect(lambda at: self._set(key, editor.itemData(at)))
        self._show.append(lambda now: editor.setCurrentIndex(editor.findData(getattr(now, key))))
        self._add(form, editor, key, label)

    def font(self, form: QFormLayout, key: str, label: str) -> None:
        """A list of the installed fonts."""
        editor = QFontComboBox()
        editor.currentFontChanged.connect(lambda font: self._set(key, font.family()))

        def show(settings: OverlaySettings) -> None:
            family = getattr(settings, key)
            if family:
                editor.setCurrentFont(QFont(family))

        self._show.append(show)
        self._add(form, editor, key, label)

    def colour(self, form: QFormLayout, key: str, label: str) -> None:
        """A button that opens a dialog of colours."""
        editor = QPushButton()

        def choose() -> None:
            before = QColor(getattr(self._overlay.settings, key))
            chosen = QColorDialog.getColor(before, editor, label)
            if chosen.isValid():
                self._set(key, chosen.name())

        def show(settings: OverlaySettings) -> None:
            colour = QColor(getattr(settings, key))
            ink = "#000000" if colour.lightnessF() > 0.5 else "#ffffff"
            editor.setText(colour.name())
            editor.setStyleSheet(f"background-color: {colour.name()}; color: {ink}")

        editor.clicked.connect(choose)
        self._show.append(show)
        self._add(form, editor, key, label)

    def hotkey(self, form: QFormLayout, key: str, label: str) -> QWidget:
        """An editor that takes the next keys that are pressed."""
        editor = HotkeyEdit(key, label)

        def take(text: str) -> None:
            with contextlib.suppress(OverlaySettingsError):  # a key that is needed to write
                self._set(key, text)

        editor.chosen.connect(take)
        self._show.append(lambda now: editor.show_key(getattr(now, key)))
        form.addRow(label, editor)
        return editor

    def show(self) -> None:
        """Bring all editors up to the settings."""
        self._follow(self._overlay.settings)

    def _follow(self, settings: OverlaySettings) -> None:
        for show in self._show:
            show(settings)

    def _set(self, key: str, value: Any) -> None:
        settings = self._overlay.settings
        if getattr(settings, key) != value:
            self._overlay.change(dataclasses.replace(settings, **{key: value}))

    def _add(self, form: QFormLayout, editor: QWidget, key: str, label: str) -> None:
        self._name(editor, key, label)
        form.addRow(label, editor)

    def _name(self, editor: QWidget, key: str, label: str) -> None:
        editor.setObjectName(key)
        editor.setAccessibleName(label)
