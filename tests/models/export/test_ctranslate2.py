import sys
from pathlib import Path

import pytest
import torch

from app.cli import EXIT_USAGE, main
from engine.policies.config import PolicyConfig
from engine.policies.loader import load_translator
from models.checkpoint import save_checkpoint
from models.decoding import Bias, greedy
from models.errors import CheckpointError, ExportError
from models.export.ctranslate2 import export
from models.export.engine import ExportedTranslator
from models.translator_config import source_ids
from tests.models.translators import SENTENCES, config, fretna, talkative, tokenizer

SOURCES = [
    source_ids(tokenizer().encode(text)[:n], finished=n % 2 == 0)
    for text in SENTENCES
    for n in range(1, 12)
]


def save(directory: Path) -> Path:
    model = talkative(seed=2)
    save_checkpoint(directory / "reta", model.config.to_dict(), model, tokenizer().model)
    return directory / "reta"


def load(directory: Path) -> ExportedTranslator:
    return ExportedTranslator(directory, tokenizer(), config("reta"))


def test_a_float_export_translates_like_torch(tmp_path: Path) -> None:
    export(save(tmp_path), tmp_path / "out", "float32")
    engine, model = load(tmp_path / "out"), talkative(seed=2).float()
    with torch.inference_mode():
        expected = [greedy(model, source) for source in SOURCES]
    assert len({len(target) for target in expected}) > 5  # of many lengths, or it proves little
    assert [engine.translate(source) for source in SOURCES] == expected


def test_a_bias_means_the_same_in_both_engines(tmp_path: Path) -> None:
    export(save(tmp_path), tmp_path / "out", "float32")
    engine, model = load(tmp_path / "out"), talkative(seed=2).float()
    previous = tokenizer().encode(SENTENCES[1])[:4]
    source = SOURCES[6]
    with torch.inference_mode():
        biased = greedy(model, source, bias=Bias(previous, 0.6))
    assert biased[:4] == previous
    assert engine.translate(source, previous=previous, bias=0.6)[:4] == previous


def test_as_many_tokens_are_written_as_are_asked_for(tmp_path: Path) -> None:
    export(save(tmp_path), tmp_path / "out", "int8")
    engine = load(tmp_path / "out")
    free = [len(engine.translate(source)) for source in SOURCES]
    for n_tokens in (1, max(free) + 3):
        forced = [engine.translate(source, n_tokens=n_tokens) for source in SOURCES]
        assert {len(target) for target in forced} == {n_tokens}


def test_an_export_is_loaded_like_the_checkpoint(tmp_path: Path) -> None:
    checkpoint = save(tmp_path)
    export(checkpoint, tmp_path / "out", "float32")
    committed = ("Wir",)
    for policy in (PolicyConfig(), PolicyConfig(bias=0.6)):
        sessions = [
            load_translator(directory, policy=policy).start()
            for directory in (checkpoint, tmp_path / "out")
        ]
        for words, begin in (("we have", ()), ("we have a small", ()), ("the river", committed)):
            one, two = (s.update(words, finished=False, committed=begin) for s in sessions)
            assert one == two


def test_the_command_writes_int8_by_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = save(tmp_path)
    for name in ("int8", "float32"):
        arguments = ["--out", str(tmp_path / name), "--quantization", name]
        assert main(["export", str(checkpoint), *arguments]) == 0
    assert "int8" in capsys.readouterr().out
    sizes = [
        (tmp_path / name / "ctranslate2" / "model.bin").stat().st_size
        for name in ("int8", "float32")
    ]
    assert sizes[0] < 0.5 * sizes[1]
    assert load(tmp_path / "int8").translate(SOURCES[0])


def test_what_the_engine_cannot_express_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = fretna()
    save_checkpoint(tmp_path, network.config.to_dict(), network, tokenizer().model)
    assert main(["export", str(tmp_path), "--out", str(tmp_path / "out")]) == EXIT_USAGE
    assert "is a fretna checkpoint, not reta" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_long_source_or_a_folder_that_is_no_export_is_an_error(tmp_path: Path) -> None:
    export(save(tmp_path), tmp_path / "out", "int8")
    with pytest.raises(ValueError, match="longer than the 48"):
        load(tmp_path / "out").translate([5] * 49)
    with pytest.raises(CheckpointError, match="not an exported model"):
        load(tmp_path / "reta")


def test_a_missing_engine_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(ExportError, match="edge"):
        export(save(tmp_path), tmp_path / "out", "int8")
