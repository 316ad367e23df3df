"""The tray icon: control of a band that cannot be clicked."""

from PyQt6.QtCore import QObject, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPixmap
from PyQt6.QtWidgets import QMenu, QSystemTrayIcon

from ui.actions import Actions


class Tray(QObject):
    """An icon with the menu of the overlay; a click on it locks and unlocks the band."""

    def __init__(self, menu: QMenu, actions: Actions) -> None:
        super().__init__(menu)
        self._icon = QSystemTrayIcon(icon(), self)
        self._icon.setContextMenu(menu)
        self._icon.activated.connect(
            lambda reason: (
                actions.lock.toggle()
                if reason == QSystemTrayIcon.ActivationReason.Trigger
                else None
            )
        )
        self.say("")

    def show(self) -> None:
        """Show the icon, where the desktop has a tray."""
        if tray_available():
            self._icon.show()

    def hide(self) -> None:
        """Take the icon away."""
        self._icon.hide()

    def say(self, text: str) -> None:
        """Show a line about the state when the mouse rests on the icon."""
        self._icon.setToolTip(f"Dragoman · {text}" if text else "Dragoman")


def tray_available() -> bool:
    """Whether the desktop has a tray now."""
    return QSystemTrayIcon.isSystemTrayAvailable()


def icon() -> QIcon:
    """Two lines of subtitles, drawn rather than loaded."""
    pixmap = QPixmap(64, 64)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    for colour, box, radius in (
        (QColor(24, 28, 36), QRectF(2, 8, 60, 48), 12),
        (QColor(150, 162, 178), QRectF(12, 22, 28, 7), 3),
        (QColor(255, 255, 255), QRectF(12, 37, 40, 9), 4),
    ):
        painter.setBrush(colour)
        painter.drawRoundedRect(box, radius, radius)
    painter.end()
    return QIcon(pixmap)
