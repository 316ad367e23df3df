"""`dragoman bench translate`, with tiny networks."""

import json
from pathlib import Path

import pytest
import torch

from app.bench import run
from app.cli import EXIT_USAGE, main
from models.checkpoint import save_checkpoint
from models.translator_config import TranslatorConfig
from tests.models.translators import SENTENCES, autoregressive, fretna, tokenizer


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tiny models, and lengths that they can read."""
    for kind, model in (
        ("fretna", fretna()),
        ("reta", autoregressive()),
        ("wait-k", autoregressive("wait-k")),
    ):
        directory = tmp_path / "models" / kind
        save_checkpoint(directory, model.config.to_dict(), model, tokenizer().model)
    (tmp_path / "text").write_text(" ".join(SENTENCES[::2]))
    # Untrained models find no end.
    monkeypatch.setattr(TranslatorConfig, "target_limit", lambda config, n_source: 6)
    monkeypatch.setattr(run, "LENGTHS", (1, 2))
    monkeypatch.setattr(run, "RATIO_CASES", (("words", 1), ("words", 2)))
    monkeypatch.setattr(run, "GROWTH_LENGTHS", (1, 2))
    one_point = [(name, kind, points[:1]) for name, kind, points in run.CURVES]
    monkeypatch.setattr(run, "CURVES", one_point)
    monkeypatch.setattr(run, "_set_threads", lambda n: None)
    return ["--models", str(tmp_path / "models"), "--text", str(tmp_path / "text")]


def test_quick_prints_the_ratios(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "translate", "--quick", "--json", "-", *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"eager", "optimised", "update_cost_60_over_10"}
    assert set(result["eager"]) == {"reta_over_fretna", "waitk_over_fretna"}
    assert set(result["optimised"]) == {
        "reta_over_fretna",
        "waitk_over_fretna",
        "best_ar_over_fretna",
    }
    assert all(ratio > 0 for ratio in [*result["eager"].values(), *result["optimised"].values()])
    assert result["optimised"]["best_ar_over_fretna"] <= result["optimised"]["reta_over_fretna"]


def test_the_report_has_every_system_and_schedule(options: list[str], tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("the station\tder Bahnhof\n", encoding="utf-8")
    out = tmp_path / "report"
    more = ["--rounds", "2", "--out", str(out), "--set", str(pairs)]
    assert main(["bench", "translate", *options, *more]) == 0
    result = json.loads((out / "translate.json").read_text())
    titles = [table["title"] for table in result["tables"]]
    assert titles[:4] == [
        f"{engine}, CPU, {threads}"
        for threads in ("1 thread", "2 threads")
        for engine in ("A: eager torch", "B: best engine")
    ]
    figures = result["tables"][0]["ms_per_update"]
    assert {figure["schedule"] for figure in figures} == {"words", "asr"}
    assert {figure["source_words"] for figure in figures} == {1, 2}
    assert all(f["p25"] <= f["median"] <= f["p75"] and f["n_rounds"] == 2 for f in figures)
    report = (out / "translate.md").read_text()
    for system in ("reta", "wait-3", "fretna", "reta speculative", "fretna lossless"):
        assert f"| {system} |" in report
    assert "best ar over fretna" in report
    assert "| ≥ 20 |" in report
    assert f"torch {torch.__version__}" in result["machine"]
    assert {"wait-k", "reta, mask-k", "fretna, mask-k"} <= result["curves"].keys()
    assert all(result["curves"].values())
    assert (out / "quality.png").stat().st_size > 1000


def test_a_benchmark_without_a_system_says_which_is_missing(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (tmp_path / "models" / "wait-k").iterdir():
        file.unlink()
    assert main(["bench", "translate", "--quick", *options]) == EXIT_USAGE
    assert "no wait-k translator for en to de" in capsys.readouterr().err
