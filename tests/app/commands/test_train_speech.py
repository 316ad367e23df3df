"""`dragoman train prepare-speech` and `recognizer`, from a data folder to a model that is used."""

from pathlib import Path

import pytest

from app.cli import main
from app.models.registry import Registry
from models.checkpoint import save_checkpoint
from models.training.speech_labels import read_labels, translation_file
from tests.models.owsm_ctc_models import tiny_model
from tests.models.training.speech_folder import HummingEngine, write_data_folder
from tests.models.training.test_recognizer_task import SETTINGS
from tests.models.translators import autoregressive, tokenizer

CONFIG = f"""
[model]
{"".join(f"{key} = {value}" + chr(10) for key, value in SETTINGS["model"].items())}
[data]
epoch_hours = 0.01
batch_s = 8.0
hears = ["en", "de"]
translations = ["de"]
translate = 0.5
truncate = 0.5
[loop]
max_steps = 3
evaluate_every_steps = 2
threads = 1
"""


def test_speech_is_prepared_with_labels_and_trained_on_with_one_command_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "models.training.speech_preparation.default_engines", lambda: [HummingEngine()]
    )
    data, out, run = write_data_folder(tmp_path / "data"), tmp_path / "speech", tmp_path / "run"
    aligner, teacher = tmp_path / "aligner", tmp_path / "teacher"
    tiny_model(buffer_s=30.0).save(aligner, facts={"source_lang": "en"})
    model = autoregressive()
    save_checkpoint(teacher, model.config.to_dict(), model, tokenizer().model)
    prepare = ["train", "prepare-speech", "--data", str(data), "--out", str(out), "--pieces", "34"]
    labels = ["--aligner", str(aligner), "--teacher", str(teacher)]
    assert main([*prepare, "--hours-synthetic", "0.01", *labels]) == 0
    assert "a/1.wav" in read_labels(out / "real" / translation_file("de"))
    (tmp_path / "config.toml").write_text(CONFIG)
    train = ["train", "recognizer", str(tmp_path / "config.toml"), "--speech", str(out)]
    assert main([*train, "--run", str(run), "--device", "cpu"]) == 0
    (run / "best").rename(run / "en-de")
    assert Registry(run).find_recognizer("de").languages == ("en", "de")
