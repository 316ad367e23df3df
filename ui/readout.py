"""The small read-out in a corner of the band, and what the job has to say."""

from PyQt6.QtCore import QCoreApplication, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter

from ui.look import Look
from ui.settings import OverlaySettings
from ui.status import Figures, Notice

URGENT = frozenset({"lost", "failed", "stopped"})


class Readout:
    """Paints the figures where they are wanted, and trouble always."""

    def __init__(self) -> None:
        self.notice = Notice(phase="running")

    @property
    def urgent(self) -> bool:
        """Whether the job says something that the user must see."""
        return self.notice.phase in URGENT

    def take(self, notice: Notice) -> bool:
        """Take a notice; whether it is another one."""
        before, self.notice = self.notice, notice
        return notice != before

    def paint(
        self,
        painter: QPainter,
        look: Look,
        box: QRectF,
        settings: OverlaySettings,
        figures: Figures,
    ) -> None:
        """Paint a line at the top of the band: the figures, or trouble as a label."""
        trouble = notice_text(self.notice)
        text = trouble or (status_text(figures) if settings.status else "")
        if not text:
            return
        height = look.status.line_height
        area = QRectF(box.left() + look.pad_x, look.pad_y, box.width() - 2 * look.pad_x, height)
        painter.setFont(look.status.font)
        if self.urgent:  # above the text, which may reach below it
            width = look.status.measure(text) + height
            label = QRectF(area.right() - width, area.top(), width, height)
            painter.setBrush(QColor(settings.box_colour))
            painter.setPen(QColor(settings.tentative_colour))
            painter.drawRoundedRect(label, height / 3, height / 3)
            painter.drawText(label, Qt.AlignmentFlag.AlignCenter, text)
            return
        painter.setPen(QColor(settings.tentative_colour))
        painter.drawText(area, Qt.AlignmentFlag.AlignRight, text)


def notice_text(notice: Notice) -> str:
    """What the job says, in the user's language; empty if all is well."""
    texts = {
        ("starting", "session"): QCoreApplication.translate("Readout", "Loading the models …"),
        ("starting", "feed"): QCoreApplication.translate("Readout", "Connecting to the feed …"),
        ("stopped", "session"): QCoreApplication.translate("Readout", "Stopped"),
        ("lost", "device"): QCoreApplication.translate(
            "Readout", "The sound device is gone; looking for it …"
        ),
        ("lost", "feed"): QCoreApplication.translate(
            "Readout", "The feed is gone; connecting again …"
        ),
        ("failed", "session"): QCoreApplication.translate(
            "Readout", "The session failed; starting again …"
        ),
    }
    return texts.get((notice.phase, notice.subject), "")


def status_text(figures: Figures) -> str:
    """The figures in words: `0.9 s · NE 0.12 · keeping up`."""
    parts = []
    if figures.delay_s is not None:
        parts.append(
            QCoreApplication.translate("Readout", "{seconds:.1f} s").format(seconds=figures.delay_s)
        )
    erasure = figures.normalized_erasure
    if erasure is not None:
        parts.append(
            QCoreApplication.translate("Readout", "NE {erasure:.2f}").format(erasure=erasure)
        )
    load = figures.load
    if load is not None:
        parts.append(load_text(load))
    viewers = figures.report.viewers
    if viewers is not None:
        parts.append(QCoreApplication.translate("Readout", "viewers: {n}").format(n=viewers))
    return " · ".join(parts)


def load_text(load: str) -> str:
    """The state of the machine in the user's language."""
    return {
        "keeping up": QCoreApplication.translate("Readout", "keeping up"),
        "stretched": QCoreApplication.translate("Readout", "stretched"),
        "finals only": QCoreApplication.translate("Readout", "finals only"),
    }[load]


def promise_text(figures: Figures) -> str:
    """Whether this machine keeps up, in a sentence or two."""
    if figures.load is None:
        return QCoreApplication.translate(
            "Readout", "As soon as something is said, it shows here whether this machine keeps up."
        )
    parts = [
        {
            "keeping up": QCoreApplication.translate("Readout", "This machine keeps up."),
            "stretched": QCoreApplication.translate(
                "Readout",
                "This machine does not keep up. A GPU, the translator FReTNA or fewer other "
                "programs help.",
            ),
            "finals only": QCoreApplication.translate(
                "Readout", "This machine does not keep up: only finished sentences come."
            ),
        }[figures.load]
    ]
    if figures.work is not None:
        text = QCoreApplication.translate(
            "Readout", "A second of sound takes {work:.2f} s of work."
        )
        parts.append(text.format(work=figures.work))
    if figures.delay_s is not None:
        text = QCoreApplication.translate("Readout", "Text comes {seconds:.1f} s after the words.")
        parts.append(text.format(seconds=figures.delay_s))
    return " ".join(parts)
