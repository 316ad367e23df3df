import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import config
from app.commands import evaluate_recognition
from app.models.recognition import load_ear, load_stream
from app.models.registry import Model, Registry
from engine.acoustics import BestPathDecoder
from engine.beam_decoder import BeamDecoder
from models.ngram import NGRAM_FILE
from models.training.ngram import train_ngram
from tests.models.owsm_ctc_models import TEXT, tiny_model, tiny_tokenizer


@pytest.fixture
def recognizer(tmp_path: Path) -> Model:
    """A recogniser in a folder, with a language model beside it."""
    folder = tmp_path / "models" / "en-owsm-ctc"
    tiny_model().save(folder, facts={"source_lang": "en"})
    tokenizer = tiny_tokenizer()
    vocabulary = [tokenizer.id_to_piece(i) for i in range(tokenizer.get_piece_size())]
    train_ngram(tokenizer.encode(TEXT), vocabulary, min_counts=(1, 1, 1)).save(folder / NGRAM_FILE)
    return Registry(folder.parent).find_recognizer("en")


def test_a_language_model_in_the_folder_is_used_unless_the_settings_say_no(
    recognizer: Model,
) -> None:
    settings = config.Settings()
    assert isinstance(load_stream(recognizer, "cpu", settings)._decoder, BeamDecoder)
    without = dataclasses.replace(settings.recognizer, language_model=False)
    settings = dataclasses.replace(settings, recognizer=without)
    assert isinstance(load_stream(recognizer, "cpu", settings)._decoder, BestPathDecoder)


def test_a_recogniser_without_a_language_model_takes_the_best_path(recognizer: Model) -> None:
    (recognizer.directory / NGRAM_FILE).unlink()
    assert isinstance(load_stream(recognizer, "cpu", config.Settings())._decoder, BestPathDecoder)


def test_hot_words_are_searched_for_with_and_without_a_language_model(
    recognizer: Model, tmp_path: Path
) -> None:
    path = tmp_path / "words.txt"
    path.write_text("window\n")
    for language_model in (True, False):
        settings = config.load(
            None, {"run": {"hot_words": path}, "recognizer": {"language_model": language_model}}
        )
        assert isinstance(load_stream(recognizer, "cpu", settings)._decoder, BeamDecoder)


@pytest.mark.parametrize("live", [False, True])
def test_an_evaluation_scores_both_ways_to_search(recognizer: Model, live: bool) -> None:
    for wanted, keys in ((True, ["wer", "wer_lm"]), (False, ["wer"])):
        settings = config.load(None, {"recognizer": {"language_model": wanted}})
        ways = evaluate_recognition._transcribers(recognizer, "cpu", settings, live=live)
        assert list(ways) == keys


@pytest.mark.parametrize(("device", "together"), [("cuda", True), ("cpu", False)])
def test_streams_on_a_gpu_are_computed_together(
    recognizer: Model, monkeypatch: pytest.MonkeyPatch, device: str, together: bool
) -> None:
    network = tiny_model()
    asked: list[bool] = []

    def log_probs(*arguments: Any, apart: bool = False, **options: Any) -> Any:
        asked.append(apart)
        return tiny_model().log_probs(*arguments, apart=apart, **options)

    monkeypatch.setattr(network, "log_probs", log_probs)
    monkeypatch.setattr("app.models.registry.load_recognizer", lambda *_, **__: network)
    ear = load_ear(recognizer, device, config.Settings(), 4)
    ear.decoder.decode(np.zeros(16_000, np.float32), lang="en")
    assert asked == [together]
