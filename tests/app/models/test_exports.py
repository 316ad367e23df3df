"""The exports that a run makes for itself, in the user's cache folder."""

import errno
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app import cli
from app.models.registry import Model, Registry, describe_engine, load_recognizer, load_translator
from engine.policies.config import PolicyConfig
from engine.policies.exported import ExportedRetaTranslator, OnnxRetaTranslator
from engine.policies.reta import RetaTranslator
from models.checkpoint import save_checkpoint
from models.errors import CheckpointError, ExportError
from models.ngram import NGRAM_FILE
from models.owsm_ctc.model import OwsmCtc
from models.owsm_ctc.onnx_model import OnnxOwsmCtc
from tests.models.export.torch_free import ROOT, loads_torch
from tests.models.owsm_ctc_models import tiny_model
from tests.models.translators import (
    SENTENCES,
    autoregressive,
    fretna,
    language_model,
    stream_fretna,
    tokenizer,
)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    folder = tmp_path / "models"
    tiny_model().save(folder / "en-owsm-ctc", facts={"source_lang": "en"})
    for network in (autoregressive(), fretna()):
        directory = folder / f"en-de-{network.config.kind}"
        save_checkpoint(directory, network.config.to_dict(), network, tokenizer().model)
    return Registry(folder)


@pytest.fixture
def recognizer(registry: Registry) -> Model:
    return registry.find_recognizer("en")


@pytest.fixture
def reta(registry: Registry) -> Model:
    return registry.find_translator("reta", "en", "de")


@pytest.fixture
def no_more_exports(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Called, it lets every further export fail as on a full disk."""

    def fail(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        reason = "dragoman: error: model.onnx: No space left on device"
        return subprocess.CompletedProcess(command, 2, stderr=f"a warning\n{reason}\n")

    return lambda: monkeypatch.setattr(subprocess, "run", fail)


@pytest.mark.usefixtures("exported_here")
def test_the_first_use_exports_and_later_ones_take_that(
    cache: Path, recognizer: Model, reta: Model, no_more_exports: Any
) -> None:
    assert describe_engine(reta, "cpu") == "CTranslate2, int8 (once exported)"
    assert isinstance(load_recognizer(recognizer, device="cpu"), OnnxOwsmCtc)
    assert isinstance(load_translator(reta, device="cpu"), ExportedRetaTranslator)
    no_more_exports()
    assert isinstance(load_recognizer(recognizer, device="cpu"), OnnxOwsmCtc)
    assert isinstance(load_translator(reta, device="cpu"), ExportedRetaTranslator)
    assert describe_engine(reta, "cpu") == "CTranslate2, int8"
    assert len(list(cache.iterdir())) == 2
    assert {path.name for path in recognizer.directory.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.model",
    }


def test_a_program_that_has_exports_does_without_torch(
    cache: Path, recognizer: Model, reta: Model
) -> None:
    program = (
        "from pathlib import Path\n"
        "from app.models.registry import Registry, load_recognizer, load_translator, set_threads\n"
        f"registry = Registry(Path({str(reta.directory.parent)!r}))\n"
        "load_recognizer(registry.find_recognizer('en'), device='cpu')\n"
        "reta = registry.find_translator('reta', 'en', 'de')\n"
        "load_translator(reta, device='cpu').start().update('the old man', finished=True)\n"
        "set_threads(1)\n"
    )
    assert not loads_torch(program)  # not even the first time
    assert len(list(cache.iterdir())) == 2


@pytest.mark.usefixtures("exported_here")
def test_other_weights_have_another_export(cache: Path, recognizer: Model) -> None:
    load_recognizer(recognizer, device="cpu")
    tiny_model(seed=1).save(recognizer.directory, facts={"source_lang": "en"})  # trained further
    load_recognizer(recognizer, device="cpu")
    assert len(list(cache.iterdir())) == 2


@pytest.mark.usefixtures("exported_here")
def test_another_language_model_has_another_export(cache: Path, registry: Registry) -> None:
    network = stream_fretna()
    directory = registry.directory / "en-de-fretna"
    save_checkpoint(directory, network.config.to_dict(), network, tokenizer().model)
    model = registry.find_translator("fretna", "en", "de")
    for n_exports, sentences in enumerate(((), SENTENCES[1::2], SENTENCES[1:2]), 1):
        if sentences:
            language_model(sentences).save(directory / NGRAM_FILE)
        load_translator(model, device="cpu")
        assert len(list(cache.iterdir())) == n_exports


def test_torch_is_used_where_it_is_asked_for_or_there_is_a_gpu(
    cache: Path, recognizer: Model, reta: Model
) -> None:
    assert isinstance(load_recognizer(recognizer, device="cpu", backend="torch"), OwsmCtc)
    assert isinstance(load_translator(reta, device="cpu", backend="torch"), RetaTranslator)
    assert describe_engine(reta, "cuda") == "torch, cuda"
    assert not cache.exists()


@pytest.mark.usefixtures("exported_here")
def test_what_a_policy_asks_for_decides_the_engine(
    cache: Path, registry: Registry, reta: Model, caplog: pytest.LogCaptureFixture
) -> None:
    verifying = load_translator(reta, device="cpu", policy=PolicyConfig(speculative=True))
    assert isinstance(verifying, OnnxRetaTranslator)
    assert verifying.engine.exact
    n_exports = len(list(cache.iterdir()))
    ctc_form = registry.find_translator("fretna", "en", "de")
    load_translator(ctc_form, device="cpu")  # which no other engine runs
    load_translator(ctc_form, device="cpu", policy=PolicyConfig(lossless=True))
    assert len(list(cache.iterdir())) == n_exports
    assert not caplog.text


def test_a_folder_that_cannot_be_written_costs_one_line_and_speed(
    cache: Path, reta: Model, caplog: pytest.LogCaptureFixture
) -> None:
    cache.parent.parent.mkdir()
    cache.parent.write_text("a file in the place of the folder")
    assert isinstance(load_translator(reta, device="cpu"), RetaTranslator)
    (record,) = caplog.records
    assert "torch is used" in record.getMessage()
    assert os.strerror(errno.ENOTDIR) in record.getMessage()
    with pytest.raises(ExportError, match=os.strerror(errno.ENOTDIR)):
        load_translator(reta, device="cpu", backend="onnx")


def test_a_full_disk_costs_one_line_and_speed(
    cache: Path, recognizer: Model, caplog: pytest.LogCaptureFixture, no_more_exports: Any
) -> None:
    no_more_exports()
    assert isinstance(load_recognizer(recognizer, device="cpu"), OwsmCtc)
    (record,) = caplog.records
    assert "No space left on device; torch is used" in record.getMessage()
    assert not list(cache.iterdir())


def test_a_missing_package_is_named(
    cache: Path, reta: Model, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert isinstance(load_translator(reta, device="cpu"), RetaTranslator)
    assert "takes ctranslate2: pip install" in caplog.text
    assert describe_engine(reta, "cpu") == "torch, cpu"


@pytest.mark.usefixtures("exported_here")
def test_a_damaged_export_is_made_again(
    cache: Path, recognizer: Model, caplog: pytest.LogCaptureFixture
) -> None:
    load_recognizer(recognizer, device="cpu")
    (folder,) = cache.iterdir()
    (network,) = folder.glob("*.onnx")
    network.write_bytes(network.read_bytes()[:1000])
    assert isinstance(load_recognizer(recognizer, device="cpu"), OwsmCtc)
    assert "made again the next time" in caplog.text
    assert isinstance(load_recognizer(recognizer, device="cpu"), OnnxOwsmCtc)


@pytest.mark.usefixtures("exported_here")
def test_a_damaged_checkpoint_is_the_error_that_is_told(
    cache: Path, reta: Model, caplog: pytest.LogCaptureFixture
) -> None:
    weights = reta.directory / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged or truncated"):
        load_translator(reta, device="cpu")
    assert not caplog.text


def test_two_programs_may_export_at_once(cache: Path, reta: Model) -> None:
    program = (
        "from pathlib import Path\n"
        "from app.models.registry import Registry, load_translator\n"
        f"registry = Registry(Path({str(reta.directory.parent)!r}))\n"
        "reta = load_translator(registry.find_translator('reta', 'en', 'de'), device='cpu')\n"
        "print(type(reta).__name__)\n"
    )
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for running in programs:
        said, complained = running.communicate(timeout=300)
        assert (said.split(), complained) == ([b"ExportedRetaTranslator"], b"")
    (folder,) = cache.iterdir()
    assert folder.name.startswith("en-de-reta-")


def test_the_models_of_a_run_are_prepared(
    cache: Path, reta: Model, exported_here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--models", str(reta.directory.parent), "--translator", "reta", "--device", "cpu"]
    assert cli.main(["models", "prepare", *options]) == 0
    assert "ready: reta and en-owsm-ctc" in capsys.readouterr().out
    assert len(list(cache.iterdir())) == 2


@pytest.mark.usefixtures("exported_here")
def test_exports_that_nobody_uses_are_removed(cache: Path, reta: Model) -> None:
    day_s = 86_400.0
    for name, age_s in (
        ("en-de-reta-0123", 100 * day_s),
        ("en-de-reta-4567", 10 * day_s),
        ("unfinished-89", 2 * day_s),
        ("unfinished-ab", 0.01 * day_s),
    ):
        (cache / name).mkdir(parents=True)
        then = time.time() - age_s
        os.utime(cache / name, (then, then))
    load_translator(reta, device="cpu")
    left = {folder.name for folder in cache.iterdir()}
    assert {"en-de-reta-4567", "unfinished-ab"} < left
    assert len(left) == 3


def test_the_list_says_what_will_run(
    cache: Path, reta: Model, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shutil.rmtree(reta.directory.parent / "en-owsm-ctc")
    assert cli.main(["models", "list", "--models", str(reta.directory.parent)]) == 0
    assert "CTranslate2, int8 (once exported)" in capsys.readouterr().out
