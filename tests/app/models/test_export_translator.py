"""`dragoman export` of a translator beside its checkpoint, and when a run takes it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app import cli
from app.models.registry import Model, Registry, describe_engine, load_translator
from engine.policies.config import PolicyConfig
from engine.policies.exported import load_exported
from models.checkpoint import save_checkpoint
from models.errors import StaleExportError
from tests.models.translators import autoregressive, stream_fretna, tokenizer


@dataclass(frozen=True)
class Kind:
    """A translator, and how it is exported and run."""

    network: Callable[..., Any]
    policy: PolicyConfig
    options: tuple[str, ...] = ()

    def train(self, directory: Path, seed: int) -> Model:
        network = self.network(seed=seed)
        save_checkpoint(directory, network.config.to_dict(), network, tokenizer().model)
        return Registry(directory.parent).find_translator(network.config.kind, "en", "de")

    def export(self, directory: Path) -> None:
        assert cli.main(["export", str(directory), *self.options]) == 0


KINDS = {
    "reta on CTranslate2": Kind(autoregressive, PolicyConfig()),
    "reta on ONNX Runtime": Kind(
        autoregressive,
        PolicyConfig(speculative=True),
        ("--engine", "onnx", "--quantization", "float32"),
    ),
    "fretna": Kind(stream_fretna, PolicyConfig()),
}


@pytest.mark.usefixtures("exported_here")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_export_of_other_weights_than_those_beside_it_is_not_used(
    kind: Kind, tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    directory = tmp_path / "models" / "en-de"

    def load() -> None:
        model = Registry(directory.parent).models()[0]
        load_translator(model, device="cpu", policy=kind.policy, backend="onnx")

    kind.train(directory, seed=1)
    kind.export(directory)
    load()
    assert not cache.exists()  # the export in the folder was taken
    model = kind.train(directory, seed=2)
    assert describe_engine(model, "cpu").endswith("(once exported)")
    load()
    assert "make it again: dragoman export" in caplog.text
    assert len(list(cache.iterdir())) == 1
    with pytest.raises(StaleExportError, match="other weights"):
        load_exported(directory, kind.policy, n_threads=1)
    caplog.clear()
    kind.export(directory)
    load()
    assert not caplog.text
    assert len(list(cache.iterdir())) == 1


def test_an_export_without_weights_beside_it_is_used(tmp_path: Path) -> None:
    kind, directory, out = KINDS["fretna"], tmp_path / "here" / "en-de", tmp_path / "out" / "en-de"
    kind.train(directory, seed=1)
    assert cli.main(["export", str(directory), "--out", str(out)]) == 0
    (moved,) = Registry(out.parent).models()
    assert describe_engine(moved, "cpu") == "the export in its folder"
    load_translator(moved, device="cpu")


def test_an_export_is_not_written_over_another_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    KINDS["fretna"].train(one, seed=1)
    KINDS["reta on CTranslate2"].train(other, seed=2)
    before = {file: file.read_bytes() for file in other.iterdir()}
    assert cli.main(["export", str(one), "--out", str(other)]) == 2
    assert f"{other}: holds another model" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in other.iterdir()} == before


def test_sentences_to_compare_are_read_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    KINDS["fretna"].train(tmp_path / "one", seed=1)
    checked = ("--check", str(tmp_path / "none.tsv"))
    assert cli.main(["export", str(tmp_path / "one"), *checked]) == 2
    assert "none.tsv: cannot be read (No such file" in capsys.readouterr().err
    assert not (tmp_path / "one" / "onnx").exists()
