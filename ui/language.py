"""The language of menus and windows, through Qt's translation system."""

import logging
from pathlib import Path
from xml.etree import ElementTree

from PyQt6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "translations"


class SourceTranslator(QTranslator):
    """Translates by a `.ts` file as it is; so nothing has to be compiled before it is shipped."""

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        """Read the file.

        Raises:
            OSError: there is none.
        """
        super().__init__(parent)
        self._texts: dict[tuple[str, str], str] = {}
        for context in ElementTree.parse(path).getroot().iter("context"):
            name = context.findtext("name", "")
            for message in context.iter("message"):
                text = message.findtext("translation", "")
                if text:
                    self._texts[name, message.findtext("source", "")] = text

    def isEmpty(self) -> bool:
        """Qt asks before it asks for texts."""
        return not self._texts

    def translate(
        self,
        context: str | None,
        sourceText: str | None,
        disambiguation: str | None = None,
        n: int = -1,
    ) -> str:
        """A text in the language of the file; empty if it has none."""
        return self._texts.get((context or "", sourceText or ""), "")


def speak(lang: str) -> None:
    """Use a language in all windows that are made from now on; empty takes the system's.

    Texts that are not translated stay English.
    """
    app = QCoreApplication.instance()
    assert app is not None
    for translator in app.findChildren(QTranslator):
        app.removeTranslator(translator)
        translator.deleteLater()
    code = (lang or QLocale.system().name()).replace("_", "-").split("-")[0].lower()
    path = FOLDER / f"{code}.ts"
    if code == "en" or not path.exists():
        return
    QCoreApplication.installTranslator(SourceTranslator(path, app))
    of_qt = QTranslator(app)  # the buttons of standard dialogs
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if of_qt.load(f"qtbase_{code}", folder):
        QCoreApplication.installTranslator(of_qt)
