"""`dragoman models list`, `check` and `convert`."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from app import cli
from app.evaluation import check
from models.export.recognizer_onnx import export_onnx
from models.owsm_ctc.model import OwsmCtc
from tests.models.espnet_repository import write_repository
from tests.models.owsm_ctc_models import tiny_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    directory = tmp_path / "models" / "en-owsm-ctc"
    tiny_model().save(directory, facts={"source_lang": "en"})
    return directory


def test_the_list_names_models_languages_and_where_they_are(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert cli.main(["models", "list", "--models", str(folder.parent)]) == 0
    shown = capsys.readouterr().out
    assert "en-owsm-ctc" in shown
    assert "en" in shown
    assert f"{folder.parent}\n" in shown  # in one piece, to be copied


def test_a_check_times_every_form_of_a_model(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "SPOKEN_S", 4.0)
    export_onnx(tiny_model(), folder, int8=True)
    assert cli.main(["models", "check", str(folder), "--json"]) == 0
    speeds = json.loads(capsys.readouterr().out)
    assert [speed["form"] for speed in speeds] == ["torch", "model.int8.onnx"]
    assert all(speed["window_ms"] > 0.0 and speed["rtf"] > 0.0 for speed in speeds)


def test_a_check_of_a_damaged_model_names_what_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["model"]["n_blocks"] = 5
    (folder / "config.json").write_text(json.dumps(config))
    assert cli.main(["models", "check", str(folder)]) == 2
    assert "is missing" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "dtype"), [([], torch.float32), (["--bf16"], torch.bfloat16)])
def test_a_public_repository_becomes_a_checkpoint(
    tmp_path: Path, options: list[str], dtype: torch.dtype
) -> None:
    original = tiny_model(subsampling="conv2d8")
    repository, out = write_repository(tmp_path / "public", original), tmp_path / "out"
    assert cli.main(["models", "convert", str(repository), "--out", str(out), *options]) == 0
    assert load_file(out / "model.safetensors")["head.weight"].dtype == dtype
    converted = OwsmCtc.from_checkpoint(out)
    torch.testing.assert_close(
        converted.head.weight, original.head.weight.to(dtype).float(), rtol=0.0, atol=0.0
    )
