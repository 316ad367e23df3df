import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from xml.etree import ElementTree

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6 does not load", exc_type=ImportError)

from PyQt6.QtCore import QTranslator
from PyQt6.QtWidgets import QApplication, QMenu

from tests.ui.fakes import FakeControl
from ui.background import Background
from ui.language import FOLDER, speak
from ui.session_menu import SessionMenu

Texts = dict[tuple[str, str], str]


@pytest.fixture
def german(qt: QApplication) -> Iterator[None]:
    speak("de_DE")
    yield
    speak("en")


def texts(path: Path) -> Texts:
    return {
        (context.findtext("name", ""), message.findtext("source", "")): message.findtext(
            "translation", ""
        )
        for context in ElementTree.parse(path).getroot().iter("context")
        for message in context.iter("message")
    }


def test_every_text_of_the_program_has_its_translation(tmp_path: Path) -> None:
    pylupdate = Path(sys.executable).with_name("pylupdate6")
    if not shutil.which(pylupdate):
        pytest.skip("pylupdate6 is not installed")
    file = tmp_path / "de.ts"
    sources = sorted(map(str, FOLDER.parent.glob("*.py")))
    subprocess.run([pylupdate, "--ts", str(file), *sources], check=True, capture_output=True)
    german = texts(FOLDER / "de.ts")
    assert texts(file).keys() == german.keys()
    assert [source for source, text in german.items() if not text] == []


def test_translations_keep_the_places_for_values() -> None:
    def places(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    for (_, source), text in texts(FOLDER / "de.ts").items():
        assert places(source) == places(text)


@pytest.mark.usefixtures("german")
def test_the_menu_speaks_german(background: Background) -> None:
    menu = QMenu()
    SessionMenu(FakeControl(), menu, background)
    assert [action.text() for action in menu.actions()][:2] == ["Starten", "Zuhören"]
    menu.deleteLater()


def test_a_language_without_translation_is_english(
    qt: QApplication, background: Background
) -> None:
    speak("xx")
    assert qt.findChildren(QTranslator) == []
    menu = QMenu()
    SessionMenu(FakeControl(), menu, background)
    assert menu.actions()[0].text() == "Start"
    menu.deleteLater()
