"""The settings window. The band itself is the preview: it follows at once."""

from collections.abc import Callable

from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QHideEvent, QShowEvent
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.captions import Caption, Text
from ui.background import Background
from ui.beside import BESIDE_THE_BAND
from ui.control import Control
from ui.fields import Fields
from ui.form_page import FormPage
from ui.overlay import Overlay
from ui.readout import promise_text
from ui.settings import OverlaySettings, high_contrast
from ui.steadiness import SteadinessField

REFRESH_MS = 1000


class SettingsWindow(QDialog):
    """Every setting that can be changed while the band is on screen."""

    def __init__(
        self,
        overlay: Overlay,
        configured: OverlaySettings,
        limits: Callable[[], str],
        *,
        control: Control | None = None,
        background: Background | None = None,
        has_hotkeys: bool = True,
    ) -> None:
        """Show the settings of an overlay.

        Args:
            overlay: follows each change at once.
            configured: what a reset brings back.
            limits: what this platform does not allow now, for people; empty if nothing.
            control: of the session, whose steadiness can be set here.
            background: asks the control.
            has_hotkeys: whether the platform has global hotkeys.
        """
        super().__init__(overlay, BESIDE_THE_BAND)
        self.setWindowTitle(self.tr("Settings"))
        self._overlay = overlay
        self._limits = limits
        self._control = control
        self._background = background
        self._has_hotkeys = has_hotkeys
        self._fields = Fields(overlay)
        self._steadiness: SteadinessField | None = None
        self._promise, self._told = QLabel(), QLabel()
        self._promise.setObjectName("promise")
        self._told.setObjectName("limits")
        tabs = QTabWidget()
        tabs.addTab(self._text_page(), self.tr("&Text"))
        tabs.addTab(self._colour_page(), self.tr("&Colours"))
        tabs.addTab(self._steadiness_page(), self.tr("&Steadiness"))
        tabs.addTab(self._window_page(), self.tr("&Window"))
        tabs.addTab(self._keys_page(), self.tr("&Keys"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        contrast = QPushButton(self.tr("&High contrast"))
        contrast.setObjectName("high_contrast")
        contrast.clicked.connect(lambda: overlay.change(high_contrast(overlay.settings)))
        reset = QPushButton(self.tr("&Reset"))
        reset.setObjectName("reset")
        reset.clicked.connect(lambda: overlay.change(configured))
        buttons.addButton(contrast, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(reset, QDialogButtonBox.ButtonRole.ResetRole)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(tabs)
        layout.addWidget(self._promise)
        layout.addWidget(buttons)
        for label in (self._promise, self._told):
            label.setWordWrap(True)
        self._refreshes = QTimer(self)
        self._refreshes.setInterval(REFRESH_MS)
        self._refreshes.timeout.connect(self._refresh)
        self._fields.show()
        self._refresh()  # what it says counts for the size of the window

    def _text_page(self) -> QWidget:
        page, form = _page()
        add = self._fields
        add.choice(
            form,
            "show",
            self.tr("Show"),
            (
                ("both", self.tr("Translation and source")),
                ("translation", self.tr("Translation only")),
                ("source", self.tr("Source only")),
            ),
        )
        add.font(form, "font_family", self.tr("Font"))
        add.number(form, "font_pt", self.tr("Size"), "pt")
        add.number(form, "font_weight", self.tr("Weight"))
        add.number(form, "source_percent", self.tr("Size of the source text"), "%")
        add.number(form, "rows", self.tr("Lines of translation"))
        add.number(form, "source_rows", self.tr("Lines of source text"))
        add.number(form, "margin_percent", self.tr("Margins"), "%")
        add.number(form, "column_percent", self.tr("Width of the text"), "%")
        add.choice(
            form,
            "align",
            self.tr("Text stands"),
            (
                ("left", self.tr("left")),
                ("centre", self.tr("in the middle")),
                ("right", self.tr("right")),
            ),
        )
        return page

    def _colour_page(self) -> QWidget:
        page, form = _page()
        add = self._fields
        add.colour(form, "colour", self.tr("Translation"))
        add.colour(form, "tentative_colour", self.tr("Words that may change"))
        add.colour(form, "source_colour", self.tr("Source text"))
        add.colour(form, "outline_colour", self.tr("Outline"))
        add.number(form, "outline_percent", self.tr("Width of the outline"), "%")
        add.colour(form, "box_colour", self.tr("Box"))
        add.number(form, "opacity", self.tr("Opacity of the box"))
        return page

    def _steadiness_page(self) -> QWidget:
        page, form = _page()
        add = self._fields
        if self._control is not None:
            name = self.tr("Steadiness")
            self._steadiness = SteadinessField(self._control, name)
            form.addRow(name, self._steadiness)
        add.switch(form, "reading_mode", self.tr("Reading mode: show only what will not change"))
        add.number(form, "dwell_s", self.tr("Last text stays for"), "s")
        add.number(form, "line_s", self.tr("A line stays at least"), "s")
        add.choice(
            form,
            "motion",
            self.tr("Fading and sliding"),
            (
                ("system", self.tr("as the desktop says")),
                ("on", self.tr("on")),
                ("off", self.tr("off")),
            ),
        )
        return page

    def _window_page(self) -> QWidget:
        page, form = _page()
        add = self._fields
        add.switch(form, "locked", self.tr("Lock: the mouse goes through"))
        add.switch(form, "status", self.tr("Show delay and state"))
        add.number(form, "width_percent", self.tr("Width on the screen"), "%")
        form.addRow(self._told)
        return page

    def _keys_page(self) -> QWidget:
        page, form = _page()
        text = self.tr("These keys work whatever window has the keyboard.")
        if not self._has_hotkeys:
            text = self.tr("This platform lets no program have keys of its own everywhere.")
        told = QLabel(text)
        told.setWordWrap(True)
        form.addRow(told)
        labels = {
            "hotkey_lock": self.tr("Lock and unlock"),
            "hotkey_hide": self.tr("Hide and show"),
            "hotkey_reading": self.tr("Reading mode"),
        }
        if self._control is not None:
            labels["hotkey_session"] = self.tr("Start and stop")
        for key, label in labels.items():
            self._fields.hotkey(form, key, label).setEnabled(self._has_hotkeys)
        return page

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: D102 (Qt's)
        self._refresh()
        self._refreshes.start()
        if self._steadiness is not None and self._control and self._background:
            take, options = self._steadiness.take, self._control.options
            self._background.ask(options, take, self._told.setText)
        self._overlay.show_sample(self._sample())

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: D102 (Qt's)
        self._refreshes.stop()
        self._overlay.show_sample(())

    def _refresh(self) -> None:
        self._promise.setText(promise_text(self._overlay.figures))
        self._told.setText(self._limits())

    def _sample(self) -> list[Caption]:
        source = self.tr("This is what was said,"), self.tr("and this may")
        target = self.tr("Committed words stay as they are,"), self.tr("these may still change")
        return [
            Caption(
                session="",
                seq=0,
                segment=0,
                revision=0,
                source=Text(lang="", committed=source[0], tentative=source[1]),
                target=Text(lang="", committed=target[0], tentative=target[1]),
                final=False,
                start_s=0.0,
                end_s=0.0,
                emitted_s=0.0,
                erased=0,
            )
        ]


def _page() -> tuple[FormPage, QFormLayout]:
    page = FormPage()
    return page, page.form
