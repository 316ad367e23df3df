"""`dragoman evaluate translate`, with fake translators and with tiny networks."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.evaluation.translation import evaluate_translation, system_name
from engine.policies.config import PolicyConfig, PolicyError
from engine.stability import StabilityConfig
from models.checkpoint import save_checkpoint
from tests.fakes import FakeTranslator, fickle, upper
from tests.models.translators import SENTENCES, autoregressive, fretna, tokenizer

PAIRS = [("the house is old", "THE HOUSE IS OLD"), ("we have time", "WE HAVE NO TIME")]


def test_a_perfect_translator_scores_100_and_takes_nothing_back() -> None:
    result = evaluate_translation(FakeTranslator(upper), PAIRS[:1])
    assert result["bleu"] == pytest.approx(100)
    assert result["chrf"] == pytest.approx(100)
    assert (result["ne"], result["changed_updates"], result["finals_equal"]) == (0, 0, 1)


def test_a_fickle_translator_takes_back_what_it_showed() -> None:
    stability = StabilityConfig(agreement=0)
    result = evaluate_translation(FakeTranslator(fickle), PAIRS, stability=stability)
    # The newest word comes first: 1 + 2 + 3 words are taken back, then 1 + 2.
    assert result["ne"] == pytest.approx(9 / 7)
    assert result["changed_updates"] == pytest.approx(5 / 7)


def test_a_budget_of_erasure_is_held() -> None:
    free, held, none = (
        evaluate_translation(
            FakeTranslator(fickle), PAIRS * 5, stability=StabilityConfig(agreement=3, budget=budget)
        )["ne"]
        for budget in (math.inf, 0.2, 0.0)
    )
    assert free > 0.2 >= held > none == 0


def test_computation_is_told_by_source_length() -> None:
    long = " ".join(["word"] * 25)
    result = evaluate_translation(FakeTranslator(upper), [*PAIRS, (long, long)])
    updates = result["ms_per_update_by_source_length"]
    assert {name: item["n"] for name, item in updates.items()} == {
        "1-9": 4 + 3 + 9,
        "10-19": 10,
        "20-39": 6,
    }
    sentences = result["ms_per_sentence_by_source_length"]
    assert {name: item["n"] for name, item in sentences.items()} == {"1-9": 2, "20-39": 1}
    assert set(updates["1-9"]) == {"mean", "p50", "p95", "n"}


def test_offline_has_no_other_schedule_to_compare_with() -> None:
    result = evaluate_translation(FakeTranslator(upper), PAIRS, schedule="offline")
    assert result["finals_equal"] is None


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for kind, model in (
        ("fretna", fretna()),
        ("reta", autoregressive()),
        ("wait-k", autoregressive("wait-k")),
    ):
        directory = tmp_path / "models" / kind
        save_checkpoint(directory, model.config.to_dict(), model, tokenizer().model)
    return tmp_path / "models"


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    path = tmp_path / "few.de-en.tsv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for source, target in zip(SENTENCES[::2], SENTENCES[1::2], strict=True):
            file.write(f"{target}\t{source}\n")
    return path


@pytest.mark.parametrize(
    "options",
    [
        ("reta",),
        ("reta", "--beam", "2", "--bias", "0.3"),
        ("reta", "--speculative", "--schedule", "asr"),
        ("wait-k", "--wait", "2", "--mask-k", "1"),
        ("reta", "--stability", "0.1"),
        ("fretna", "--spoken"),
        ("fretna", "--lossless"),
    ],
    ids=" ".join,
)
def test_the_command_prints_one_json_object(
    models: Path, pairs_file: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--set", str(pairs_file), "--columns", "en,de", "--limit", "2"]
    arguments += ["--models", str(models), "--json", "-", "--translator", *options]
    assert main(["evaluate", "translate", *arguments]) == 0
    result = json.loads(capsys.readouterr().out)
    scores = {"bleu", "chrf", "al", "laal", "dal", "ap", "ne", "changed_updates"}
    assert scores | {"n_sentences", "schedule", "finals_equal"} <= result.keys()
    assert result["n_sentences"] == 2
    for key in ("ms_per_update", "ms_per_sentence"):
        assert set(result[key]) == {"mean", "p50", "p95"}


def test_people_get_a_table(
    models: Path, pairs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--set", str(pairs_file), "--columns", "1,0", "--limit", "1"]
    main(["evaluate", "translate", *arguments, "--models", str(models)])
    lines = capsys.readouterr().out.splitlines()
    assert any("changed_updates" in line for line in lines)
    assert any("1-9 words" in line and "p95" in line for line in lines)


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--columns", "0", "'0' are not two columns"),
        ("--columns", "0,1,2", "'0,1,2' are not two columns"),
        ("--limit", "-1", "argument --limit"),
        ("--limit", "0", "'0' is no number from 1 on"),
        ("--json", "none/result.json", "there is no folder none"),
        ("--json", ".", ". is a folder"),
    ],
)
def test_a_mistake_is_told_before_anything_is_measured(
    option: str, value: str, told: str, pairs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "translate", "--set", str(pairs_file), option, value])
    assert told in capsys.readouterr().err


def test_a_system_is_named_after_what_was_set() -> None:
    assert system_name("fretna", PolicyConfig()) == "fretna"
    assert system_name("wait-k", PolicyConfig(wait=5)) == "wait-5"
    policy = PolicyConfig(bias=0.5, speculative=True)
    assert system_name("reta", policy) == "reta bias=0.5 speculative"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"wait": 0}, "wait is 0, must be from 1 to 50"),
        ({"beam": 0}, "beam is 0"),
        ({"bias": 1.0}, "bias is 1.0"),
        ({"beam": 4, "speculative": True}, "speculative"),
    ],
)
def test_bad_settings_of_a_policy_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        PolicyConfig(**settings)
