"""`dragoman bench translate`, with tiny networks."""

import json
from pathlib import Path

import pytest
import torch

from app.bench import points, quality, speed
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
    monkeypatch.setattr(speed, "LENGTHS", (1, 2))
    monkeypatch.setattr(speed, "RATIO_CASES", (("words", 1), ("words", 2)))
    monkeypatch.setattr(speed, "GROWTH_LENGTHS", (1, 2))
    monkeypatch.setattr(speed, "_set_threads", lambda n: None)
    for name, curve in points.CURVES.items():
        monkeypatch.setitem(points.CURVES, name, curve[-1:])
    monkeypatch.setattr(quality, "WAITS", (3,))
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


@pytest.fixture
def test_set(tmp_path: Path) -> Path:
    path = tmp_path / "test" / "tatoeba.en-de.tsv"
    path.parent.mkdir()
    lines = zip(SENTENCES[::2], SENTENCES[1::2], strict=True)
    path.write_text("".join(f"{en}\t{de}\n" for en, de in lines), encoding="utf-8")
    return path


def test_tables_of_computation_have_every_system_and_schedule(
    options: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "report"
    more = ["--rounds", "2", "--out", str(out), "--only", "speed"]
    assert main(["bench", "translate", *options, *more]) == 0
    result = json.loads((out / "speed.json").read_text())
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
        assert report.count(f"| {system} |") == len(titles)
    assert report.count("| reta 6-6, random weights |") == len(titles)
    assert f"torch {torch.__version__}" in result["machine"]


def test_ratios_are_told_round_by_round(options: list[str], tmp_path: Path) -> None:
    out = tmp_path / "report"
    more = ["--rounds", "3", "--out", str(out), "--only", "ratios"]
    assert main(["bench", "translate", *options, *more]) == 0
    result = json.loads((out / "ratios.json").read_text())
    for name in ("eager", "optimised"):
        assert {len(values) for values in result["rounds"][name].values()} == {3}
        assert all(ratio > 0 for ratio in result["summary"][name].values())
    optimised = result["summary"]["optimised"]
    assert optimised["best_ar_over_fretna"] <= optimised["reta_speculative_over_fretna"]
    assert (
        "| optimised: best AR re-translator / FReTNA | ≥ 3 |" in (out / "translate.md").read_text()
    )


def test_a_report_grows_part_by_part(
    options: list[str], test_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report"
    more = ["--set", str(test_set), "--columns", "en,de", "--sample", "2", "--out", str(out)]
    for part in ("costs", "quality"):
        assert main(["bench", "translate", *options, *more, "--only", part]) == 0
    result = json.loads((out / "quality-tatoeba.json").read_text())
    assert (result["n_sentences"], result["n_sample"]) == (4, 2)
    assert {row["system"] for row in result["points"]} == {
        name for names in result["curves"].values() for name in names
    }
    compared = [(c["baseline"], c["system"]) for c in result["comparisons"]]
    assert compared == [
        ("reta, whole sentences", "fretna budget=0.2"),
        ("reta budget=0.2", "fretna budget=0.2"),
        ("wait-3", "fretna budget=0.2"),
        ("wait-3", "fretna budget=0"),
    ]
    assert all(0 < c["p"] <= 1 for c in result["comparisons"])
    assert result["lossless"] == {"identical": 1.0, "n_sentences": 2}
    costs = json.loads((out / "costs-tatoeba.json").read_text())["ms_per_update"]
    assert all(ms > 0 for ms in costs.values())
    assert costs.keys() == {row["system"] for row in result["points"]}
    report = (out / "translate.md").read_text()
    assert "| tatoeba (test): teacher, whole sentences | ≥ 35 BLEU |" in report
    assert "not reached" in report  # these models know nothing
    assert (out / "quality-tatoeba.png").stat().st_size > 1000


def test_quality_needs_a_test_set(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "translate", "--only", "quality", *options]) == EXIT_USAGE
    assert "needs a test set" in capsys.readouterr().err


def test_a_benchmark_without_a_system_says_which_is_missing(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (tmp_path / "models" / "wait-k").iterdir():
        file.unlink()
    assert main(["bench", "translate", "--quick", *options]) == EXIT_USAGE
    assert "no wait-k translator for en to de" in capsys.readouterr().err
