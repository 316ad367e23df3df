"""What is counted of the models' work leaves the work as it is."""

from dataclasses import replace

import numpy as np
import pytest

from app.server.metered import MeteredReader, MeteredTranslator
from app.server.stats import Histogram
from engine.audio import AudioChunk
from engine.multilingual import SpokenTranslation, start_for
from engine.source import SourcePrefix, StretchableReader
from tests.app.dragoman import FakeRecognizer
from tests.fakes import FakeTranslator, prefix, upper


class Stretching(FakeRecognizer):
    def __init__(self) -> None:
        super().__init__()
        self.factors: list[int] = []

    def stretch(self, factor: int) -> None:
        self.factors.append(factor)


class Failing(FakeRecognizer):
    def accept(self, item: AudioChunk) -> list[SourcePrefix]:
        raise RuntimeError("no sound today")


def chunk() -> AudioChunk:
    return AudioChunk(np.full(8000, 0.5, np.float32), 0.0)


def test_a_reader_is_counted_and_tells_where_it_is() -> None:
    spent, read_s = Histogram(), list[float]()
    reader = MeteredReader(FakeRecognizer(), spent, read_s.append)
    assert reader.accept(chunk())[0].text == "word1"
    assert reader.finish()[0].finished
    assert (spent.total, read_s) == (2, [0.5])


def test_a_reader_of_a_machine_that_is_too_slow_is_stretched() -> None:
    inner = Stretching()
    reader = MeteredReader(inner, Histogram(), lambda _: None)
    assert isinstance(reader, StretchableReader)
    reader.stretch(4)
    MeteredReader(FakeRecognizer(), Histogram(), lambda _: None).stretch(4)
    assert inner.factors == [4]


def test_an_error_of_a_reader_is_passed_on() -> None:
    reader = MeteredReader(Failing(), Histogram(), lambda _: None)
    with pytest.raises(RuntimeError, match="no sound today"):
        reader.accept(chunk())


def test_a_translator_is_counted() -> None:
    spent = Histogram()
    translator = MeteredTranslator(FakeTranslator(upper), spent)
    assert (translator.source_lang, translator.target_lang) == ("en", "de")
    assert translator.start().update("good morning", finished=True).text == "GOOD MORNING"
    assert spent.total == 1


def test_a_translation_that_comes_with_the_speech_is_counted() -> None:
    spent = Histogram()
    translator = MeteredTranslator(SpokenTranslation("en", "de"), spent)
    session = start_for(translator, replace(prefix("good morning"), translation="guten Morgen"))
    assert session.update("good morning", finished=True).text == "guten Morgen"
    assert spent.total == 1
