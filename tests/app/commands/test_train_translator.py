"""`dragoman train translator`, with settings changed on the command line."""

import gzip
import json
from pathlib import Path

import pytest

from app.cli import main
from models.shortlist import SHORTLIST_FILE, Shortlist
from tests.models.translators import SENTENCES, tokenizer

CONFIG = """
[model]
kind = "reta"
source_lang = "en"
target_lang = "de"
d_model = 16
d_ff = 32
n_heads = 2
n_encoder_layers = 1
n_decoder_layers = 1
[data]
train = ["toy.en-de.tsv.gz"]
dev = ["toy.en-de.tsv.gz"]
[training]
max_steps = 50
log_every_steps = 1
threads = 1
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    with gzip.open(tmp_path / "toy.en-de.tsv.gz", "wt", encoding="utf-8") as file:
        for source, target in zip(SENTENCES[::2], SENTENCES[1::2], strict=True):
            file.write(f"{source}\t{target}\n")
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "tokenizer.model").write_bytes(tokenizer().model)
    paths = {"data": tmp_path, "tokenizer": tmp_path / "tokenizer.model", "run": tmp_path / "run"}
    options = [f"--{name}={path}" for name, path in paths.items()]
    return ["train", "translator", str(tmp_path / "config.toml"), "--device=cpu", *options]


def test_settings_are_changed_on_the_command_line(command: list[str], tmp_path: Path) -> None:
    changes = ["--set", "training.max_steps=2", "--set", "model.d_ff = 24"]
    assert main([*command, *changes]) == 0
    entries = [json.loads(row) for row in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if "loss" in entry] == [1, 2]
    assert json.loads((tmp_path / "run/best/config.json").read_text())["d_ff"] == 24


@pytest.mark.parametrize("change", ["max_steps=2", "training.max_steps", "training.max_steps=many"])
def test_a_change_that_is_none_is_named(
    command: list[str], change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--set", change]) != 0
    assert f"--set {change}: it must be TABLE.KEY=VALUE" in capsys.readouterr().err


def test_a_change_of_an_unknown_setting_is_named(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--set", "training.steps=2"]) != 0
    assert "[training] has no key 'steps'" in capsys.readouterr().err


@pytest.mark.usefixtures("command")  # which writes the files
def test_a_shortlist_is_made_for_both_ways_of_writing(tmp_path: Path) -> None:
    out = tmp_path / "model" / SHORTLIST_FILE
    pairs, model = tmp_path / "toy.en-de.tsv.gz", tmp_path / "tokenizer.model"
    assert main(["train", "shortlist", str(pairs), f"--tokenizer={model}", f"--out={out}"]) == 0
    shortlist = Shortlist.find(out.parent, tokenizer().vocab_size)
    assert shortlist is not None
    for source, target in zip(SENTENCES[::2], SENTENCES[1::2], strict=True):
        labels = shortlist.select(tokenizer().encode(source), 0)
        assert set(tokenizer().encode(target)) <= set(labels.tolist())


def test_a_shortlist_of_nothing_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with gzip.open(tmp_path / "empty.tsv.gz", "wt", encoding="utf-8"):
        pass
    (tmp_path / "tokenizer.model").write_bytes(tokenizer().model)
    options = [f"--tokenizer={tmp_path / 'tokenizer.model'}", f"--out={tmp_path / 'out'}"]
    assert main(["train", "shortlist", str(tmp_path / "empty.tsv.gz"), *options]) != 0
    assert "no pairs" in capsys.readouterr().err
