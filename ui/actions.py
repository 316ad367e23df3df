"""What a user can do with the band, as actions with keys, for menus and for the band itself."""

import dataclasses

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QMenu

from ui.overlay import Overlay
from ui.settings import OverlaySettings, Show


class Actions(QObject):
    """The actions of the overlay; they and its settings follow each other."""

    settings_wanted = pyqtSignal()
    history_wanted = pyqtSignal()
    timings_wanted = pyqtSignal()

    def __init__(self, overlay: Overlay, *, has_history: bool) -> None:
        super().__init__(overlay)
        self._overlay = overlay
        self._toggles: dict[str, QAction] = {}
        self._shows: dict[str, QAction] = {}
        self.lock = self._toggle("locked", self.tr("Lock (mouse goes through)"), "Ctrl+L")
        self.reading = self._toggle("reading_mode", self.tr("Reading mode"), "Ctrl+R")
        self.hide = self._action(self.tr("Hide the band"))
        self.hide.setCheckable(True)
        self.hide.toggled.connect(lambda hidden: overlay.setVisible(not hidden))
        self.status = self._toggle("status", self.tr("Show delay and state"), "Ctrl+D")
        self._choices = QActionGroup(self)
        self._show("both", self.tr("Translation and source"), "Ctrl+1")
        self._show("translation", self.tr("Translation only"), "Ctrl+2")
        self._show("source", self.tr("Source only"), "Ctrl+3")
        self.larger = self._action(self.tr("Larger text"), "Ctrl++", "Ctrl+=")
        self.larger.triggered.connect(lambda: overlay.zoom(1))
        self.smaller = self._action(self.tr("Smaller text"), "Ctrl+-")
        self.smaller.triggered.connect(lambda: overlay.zoom(-1))
        self.timings = self._action(self.tr("Times of each word …"), "Ctrl+T")
        self.timings.triggered.connect(self.timings_wanted)
        self.history = self._action(self.tr("History …"), "Ctrl+H")
        self.history.setVisible(has_history)
        self.history.triggered.connect(self.history_wanted)
        self.settings = self._action(self.tr("Settings …"), "Ctrl+,")
        self.settings.triggered.connect(self.settings_wanted)
        self.quit = self._action(self.tr("Quit"), "Esc", "Ctrl+Q")
        self.quit.triggered.connect(overlay.close)
        overlay.changed.connect(self._follow)

    def press(self, name: str) -> None:
        """What a global hotkey of that name does."""
        {"lock": self.lock, "hide": self.hide, "reading": self.reading}[name].toggle()

    def fill(self, menu: QMenu) -> None:
        """Put the actions into a menu."""
        menu.addActions([self.lock, self.reading, self.hide])
        shown = menu.addMenu(self.tr("Show"))
        assert shown is not None
        shown.addActions(list(self._shows.values()))
        shown.addSeparator()
        shown.addActions([self.status, self.larger, self.smaller])
        menu.addSeparator()
        menu.addActions([self.timings, self.history, self.settings])
        menu.addSeparator()
        menu.addAction(self.quit)

    def _action(self, text: str, *shortcuts: str) -> QAction:
        made = QAction(text, self)
        made.setShortcuts(list(shortcuts))
        self._overlay.addAction(made)
        return made

    def _toggle(self, key: str, text: str, shortcut: str) -> QAction:
        made = self._action(text, shortcut)
        made.setCheckable(True)
        made.setChecked(getattr(self._overlay.settings, key))
        made.toggled.connect(lambda on: self._set(key, on))
        self._toggles[key] = made
        return made

    def _show(self, show: Show, text: str, shortcut: str) -> None:
        made = self._action(text, shortcut)
        made.setCheckable(True)
        made.setChecked(self._overlay.settings.show == show)
        made.triggered.connect(lambda: self._set("show", show))
        self._choices.addAction(made)
        self._shows[show] = made

    def _set(self, key: str, value: object) -> None:
        settings = self._overlay.settings
        if getattr(settings, key) != value:
            changes: dict[str, object] = {key: value}
            self._overlay.change(dataclasses.replace(settings, **changes))  # type: ignore[arg-type]

    def _follow(self, settings: OverlaySettings) -> None:
        for key, action in self._toggles.items():
            action.setChecked(getattr(settings, key))
        self._shows[settings.show].setChecked(True)
