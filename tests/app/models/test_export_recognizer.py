"""`dragoman export` of a recogniser, and which form of it a run takes."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from app import cli, config
from app.models.recognition import load_stream
from app.models.registry import Model, Registry, describe_engine, load_recognizer
from models.checkpoint import WEIGHTS_FILE
from models.errors import ExportError, StaleExportError
from models.owsm_ctc.model import OwsmCtc
from models.owsm_ctc.onnx_model import FLOAT_FILE, INT8_FILE, OnnxOwsmCtc
from tests.models.owsm_ctc_models import RowSettings, tiny_model


@pytest.fixture
def recognizer(tmp_path: Path) -> Model:
    folder = tmp_path / "models" / "en-owsm-ctc"
    tiny_model().save(folder, facts={"source_lang": "en"})
    return Registry(folder.parent).find_recognizer("en")


def test_an_exported_recogniser_is_used_from_then_on_unless_torch_is_asked_for(
    recognizer: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = recognizer.directory
    assert cli.main(["export", str(directory), "--quantization", "float32"]) == 0
    assert str(directory / FLOAT_FILE) in capsys.readouterr().out
    assert isinstance(load_recognizer(recognizer, device="cpu"), OnnxOwsmCtc)
    assert isinstance(load_recognizer(recognizer, device="cpu", backend="torch"), OwsmCtc)


def test_a_network_exported_from_other_weights_is_not_used(
    recognizer: Model, caplog: pytest.LogCaptureFixture
) -> None:
    directory = recognizer.directory
    assert cli.main(["export", str(directory)]) == 0
    trained_further = tiny_model(seed=1)
    trained_further.save(directory, facts={"source_lang": "en"})
    assert describe_engine(recognizer, "cpu") == "ONNX Runtime, float32 (once exported)"
    sound = [np.sin(np.arange(16_000) * 0.2)]
    asked: RowSettings = {"lang": ["<nolang>"], "task": ["<asr>"], "prompt": [None]}
    heard, _ = load_recognizer(recognizer, device="cpu").log_probs(sound, **asked)
    assert "make it again: dragoman export" in caplog.text
    expected, _ = trained_further.log_probs(sound, **asked)
    np.testing.assert_allclose(heard, expected, atol=0.01)
    with pytest.raises(StaleExportError, match="other weights"):
        OnnxOwsmCtc.from_checkpoint(directory)


def test_an_export_to_another_folder_is_a_whole_model(recognizer: Model, tmp_path: Path) -> None:
    out = tmp_path / "edge" / "en"
    arguments = ["export", str(recognizer.directory), "--quantization", "int8"]
    assert cli.main([*arguments, "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {INT8_FILE, "config.json", "tokenizer.model"}
    moved = Registry(out.parent).find_recognizer("en")
    assert isinstance(load_recognizer(moved, device="cuda"), OnnxOwsmCtc)  # there is nothing else


def test_asking_for_an_export_that_cannot_be_made_says_so(recognizer: Model) -> None:
    (recognizer.directory / WEIGHTS_FILE).unlink()
    settings = config.Settings()
    run = dataclasses.replace(settings.run, backend="onnx")
    with pytest.raises(ExportError, match=WEIGHTS_FILE):
        load_stream(recognizer, "cpu", dataclasses.replace(settings, run=run))
