"""The part of the menu that controls the session: start and stop, what is heard, into what."""

from PyQt6.QtCore import QCoreApplication, QObject
from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QMenu

from ui.control import Choice, Control, Option


class SessionMenu(QObject):
    """Entries that are made anew whenever the menu opens: devices come and go."""

    def __init__(self, control: Control, menu: QMenu) -> None:
        super().__init__(menu)
        self._control = control
        self._start = QAction(self)
        self._start.triggered.connect(self._toggle)
        menu.addAction(self._start)
        self._menus: dict[str, QMenu] = {}
        for key, title in self._titles().items():
            submenu = menu.addMenu(title)
            assert submenu is not None
            self._menus[key] = submenu
        menu.addSeparator()
        menu.aboutToShow.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Ask what can be chosen now."""
        running = self._control.running
        self._start.setText(self.tr("Stop") if running else self.tr("Start"))
        options = {option.key: option for option in self._control.options()}
        for key, submenu in self._menus.items():
            submenu.clear()
            entry = submenu.menuAction()
            assert entry is not None
            entry.setVisible(key in options)
            if key in options:
                self._fill(submenu, options[key])

    def _titles(self) -> dict[str, str]:
        return {
            "source": self.tr("Listen to"),
            "languages": self.tr("Languages"),
            "translator": self.tr("Translator"),
            "stability": self.tr("Steadiness"),
        }

    def _fill(self, submenu: QMenu, option: Option) -> None:
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

    def _toggle(self) -> None:
        if self._control.running:
            self._control.stop()
        else:
            self._control.start()
        self.refresh()


def choice_text(choice: Choice) -> str:
    """A choice in the user's language."""
    if choice.loopback:
        text = QCoreApplication.translate("Choices", "What the computer plays ({device})")
        return text.format(device=choice.label)
    known = {
        "mic": QCoreApplication.translate("Choices", "Default microphone"),
        "eager": QCoreApplication.translate("Choices", "Eager: early and restless"),
        "balanced": QCoreApplication.translate("Choices", "Balanced"),
        "steady": QCoreApplication.translate("Choices", "Steady: two words later"),
        "steadiest": QCoreApplication.translate("Choices", "Steadiest: four words later"),
    }
    return known.get(choice.value, choice.label)
