"""The part of the menu that controls the session: start and stop, what is heard, into what."""

import logging
from collections.abc import Sequence

from PyQt6.QtCore import QObject
from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QMenu

from ui.background import Background
from ui.choice_text import choice_text
from ui.control import Control, Option

logger = logging.getLogger(__name__)


class SessionMenu(QObject):
    """Entries that are brought up to date whenever the menu opens: devices come and go."""

    def __init__(self, control: Control, menu: QMenu, background: Background) -> None:
        super().__init__(menu)
        self._control = control
        self._background = background
        self._start = QAction(self)
        self._start.triggered.connect(self.toggle)
        menu.addAction(self._start)
        self._menus: dict[str, QMenu] = {}
        self._options: dict[str, Option] = {}
        for key, title in self._titles().items():
            submenu = menu.addMenu(title)
            assert submenu is not None
            self._menus[key] = submenu
        menu.addSeparator()
        menu.aboutToShow.connect(self.refresh)
        self._fill(())
        self.refresh()

    def refresh(self) -> None:
        """Ask what can be chosen now; looking for devices takes a moment."""
        self._start.setText(self.tr("Stop") if self._control.running else self.tr("Start"))
        self._background.ask(self._control.options, self._fill, logger.warning)

    def toggle(self) -> None:
        """Start the session, or stop it."""
        if self._control.running:
            self._control.stop()
        else:
            self._control.start()
        self._start.setText(self.tr("Stop") if self._control.running else self.tr("Start"))

    def _titles(self) -> dict[str, str]:
        return {
            "source": self.tr("Listen to"),
            "languages": self.tr("Languages"),
            "translator": self.tr("Translator"),
            "stability": self.tr("Steadiness"),
        }

    def _fill(self, found: Sequence[Option]) -> None:
        options = {option.key: option for option in found}
        for key, submenu in self._menus.items():
            option = options.get(key)
            entry = submenu.menuAction()
            assert entry is not None
            entry.setVisible(option is not None)
            if option is not None and option != self._options.get(key):
                self._offer(submenu, option)
        self._options = options

    def _offer(self, submenu: QMenu, option: Option) -> None:
        submenu.clear()
        for old in submenu.findChildren(QActionGroup):
            old.deleteLater()
        group = QActionGroup(submenu)
        for choice in option.choices:
            action = QAction(choice_text(choice), group)
            action.setCheckable(True)
            action.setChecked(choice.value == option.chosen)
            action.triggered.connect(
                lambda _, value=choice.value: self._control.choose(option.key, value)
            )
            submenu.addAction(action)
