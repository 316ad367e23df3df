"""Everything that a user sees, put together: the band, its menu, the tray, the windows."""

import logging

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QGuiApplication, QWindow
from PyQt6.QtWidgets import QDialog

from ui.actions import Actions
from ui.background import Background
from ui.beside import USUAL_FRAME, put_beside
from ui.bridge import CaptionBridge
from ui.changes import Changes
from ui.control import Archive, Control
from ui.history_window import HistoryWindow
from ui.hotkeys import NAMES, Hotkeys
from ui.overlay import Overlay
from ui.platform_limits import Platform, limits_text
from ui.readout import notice_text, status_text
from ui.reduced_motion import asks_for_less_motion
from ui.session_menu import SessionMenu
from ui.settings import OverlaySettings
from ui.settings_window import SettingsWindow
from ui.source_window import SourceWindow
from ui.status import Notice
from ui.timings_window import TimingsWindow
from ui.tray import Tray

logger = logging.getLogger(__name__)


class Desktop(QObject):
    """The band and all that belongs to it, in the GUI thread."""

    window_closed = pyqtSignal()
    """One of the windows beside the band was closed."""

    def __init__(
        self,
        settings: OverlaySettings,
        platform: Platform,
        *,
        control: Control | None = None,
        archive: Archive | None = None,
    ) -> None:
        super().__init__()
        self._configured = settings
        self._changes = Changes(settings)
        self._platform = platform
        self._control = control
        self._archive = archive
        self.overlay = Overlay(self._changes.apply(), blended=platform.blended)
        self.overlay.changed.connect(self._changes.save)
        self.bridge = CaptionBridge(self.overlay)
        self.bridge.arrived.connect(self.overlay.show_captions)
        self.bridge.noticed.connect(self._take_notice)
        self.bridge.reported.connect(self.overlay.show_report)
        self.actions = Actions(self.overlay, has_history=archive is not None)
        self.actions.settings_wanted.connect(self.open_settings)
        self.actions.history_wanted.connect(self.open_history)
        self.actions.timings_wanted.connect(self.open_timings)
        menu = self.overlay.menu
        self._background = Background(self)
        self._session_menu: SessionMenu | None = None
        if control is not None:
            self._session_menu = SessionMenu(control, menu, self._background)
        self.actions.fill(menu)
        self.tray = Tray(menu, self.actions) if settings.tray else None
        if self.tray is not None:
            menu.aboutToShow.connect(self._say_in_tray)
        names = NAMES if control is not None else [name for name in NAMES if name != "session"]
        self._hotkeys = Hotkeys(self, platform.name, names)
        self._hotkeys.pressed.connect(self._press)
        self._hotkeys.follow(self.overlay.settings)
        self.overlay.changed.connect(self._hotkeys.follow)
        self._windows: dict[str, QDialog] = {}
        self._frame = USUAL_FRAME
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.focusWindowChanged.connect(self._measure_frame)

    @property
    def has_open_window(self) -> bool:
        """Whether the user has a window open beside the band."""
        return any(window.isVisible() for window in self._windows.values())

    def show(self) -> None:
        """Put the band on the screen; ask what to listen to where that was never chosen."""
        self.overlay.show()
        self._background.ask(asks_for_less_motion, self._take_motion, logger.info)
        if self.tray is not None:
            self.tray.show()
        if self._control is not None and self._control.first_start:
            self._open(SourceWindow(self._control, self._background, self.overlay))

    def close(self) -> None:
        """Take everything from the screen."""
        self._hotkeys.close()
        if self.tray is not None:
            self.tray.hide()
        history = self._windows.get("HistoryWindow")
        if isinstance(history, HistoryWindow):
            history.wait()
        self._background.close()
        self.overlay.hide()
        self.overlay.deleteLater()
        self.deleteLater()

    def open_settings(self) -> None:
        """The settings window, the same one when it is open."""
        window = self._windows.get("SettingsWindow")
        self._open(
            window
            or SettingsWindow(
                self.overlay,
                self._configured,
                lambda: limits_text(self._platform, self._hotkeys.refused),
                control=self._control,
                background=self._background,
                has_hotkeys=self._hotkeys.allowed,
            )
        )

    def open_history(self) -> None:
        """The history window."""
        if self._archive is not None:
            window = self._windows.get("HistoryWindow")
            self._open(window or HistoryWindow(self._archive, self.overlay))

    def open_timings(self) -> None:
        """The window with the times of each word."""
        window = self._windows.get("TimingsWindow")
        if not isinstance(window, TimingsWindow):
            window = TimingsWindow(self.overlay.figures, self.overlay)
        window.refresh()
        self._open(window)

    def _open(self, window: QDialog) -> None:
        name = type(window).__name__
        if self._windows.get(name) is not window:
            self._windows[name] = window
            window.finished.connect(self.window_closed)
        if not window.isVisible():
            screen = self.overlay.screen()
            assert screen is not None
            put_beside(window, self.overlay.box, screen.availableGeometry(), self._frame)
        window.show()
        window.raise_()
        window.activateWindow()

    def _measure_frame(self, focused: QWindow | None) -> None:
        """See what this window manager puts around windows, for those that are opened next."""
        if focused is not None and not focused.frameMargins().isNull():  # the band has none
            self._frame = focused.frameMargins()

    def _take_motion(self, less: bool) -> None:
        if less:
            self.overlay.reduce_motion(True)

    def _press(self, hotkey: str) -> None:
        if hotkey != "session":
            self.actions.press(hotkey)
        elif self._session_menu is not None:
            self._session_menu.toggle()

    def _take_notice(self, notice: Notice) -> None:
        self.overlay.show_notice(notice)
        self._say_in_tray()

    def _say_in_tray(self) -> None:
        if self.tray is not None:
            notice = self.overlay.notice
            text = notice_text(notice) or status_text(self.overlay.figures)
            self.tray.say(" · ".join(part for part in (text, notice.detail) if part))
