"""The stability dial of the settings: a step, a budget of words taken back, or a delay."""

from collections.abc import Sequence

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QWidget

from ui.choice_text import choice_text
from ui.control import Choice, Control, Option

STEPS = ("eager", "lively", "balanced", "steady", "steadiest")
SETTLED_MS = 300
"""A number that is being changed is taken after this time."""

_RANGES = {"budget": (0.0, 1.0, 0.05), "delay": (0.5, 20.0, 0.25)}  # lowest, highest, step
_FIRST = {"budget": 0.2, "delay": 2.0}


class SteadinessField(QWidget):
    """Chooses at once; the running session takes it without a pause."""

    def __init__(self, control: Control, name: str) -> None:
        """`name`: for screen readers."""
        super().__init__()
        self._control = control
        self.kind = QComboBox()
        self.kind.setObjectName("steadiness")
        self.kind.setAccessibleName(name)
        for step in STEPS:
            self.kind.addItem(choice_text(Choice(step, step)), step)
        self.kind.addItem(self.tr("At most so many words taken back"), "budget")
        self.kind.addItem(self.tr("Words settle after this time"), "delay")
        self.number = QDoubleSpinBox()
        self.number.setObjectName("steadiness_number")
        self.number.setDecimals(2)
        self.number.setAccessibleName(self.tr("How steady"))
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLED_MS)
        self._settled.timeout.connect(self._choose)
        self.kind.activated.connect(self._take_kind)
        self.number.valueChanged.connect(lambda _: self._settled.start())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.kind, 1)
        layout.addWidget(self.number)
        self.number.hide()

    def take(self, options: Sequence[Option]) -> None:
        """Show what is chosen."""
        for option in options:
            if option.key == "stability":
                kind, _, number = option.chosen.partition(":")
                self.kind.setCurrentIndex(self.kind.findData(kind))
                self._offer_number(kind, float(number or 0.0))

    def _take_kind(self) -> None:
        kind = self.kind.currentData()
        self._offer_number(kind, _FIRST.get(kind, 0.0))
        self._choose()

    def _offer_number(self, kind: str, number: float) -> None:
        self.number.setVisible(kind in _RANGES)
        if kind not in _RANGES:
            return
        low, high, step = _RANGES[kind]
        self.number.blockSignals(True)
        self.number.setRange(low, high)
        self.number.setSingleStep(step)
        self.number.setValue(number)
        self.number.blockSignals(False)
        self.number.setPrefix("NE " if kind == "budget" else "")
        self.number.setSuffix(" s" if kind == "delay" else "")

    def _choose(self) -> None:
        self._settled.stop()
        kind = self.kind.currentData()
        value = f"{kind}:{self.number.value():g}" if kind in _RANGES else kind
        self._control.choose("stability", value)
