"""`dragoman evaluate recognize` and `noise`, with a tiny network."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from tests.models.owsm_ctc_models import tiny_model


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with models, three recordings and their manifest."""
    tiny_model().save(tmp_path / "models" / "en-owsm-ctc", facts={"source_lang": "en"})
    dice = np.random.default_rng(0)
    rows = ["path\tsplit\ttranscript"]
    for name in "abc":
        samples = (dice.normal(size=12_000) * 3_000).astype("<i2")
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(samples.tobytes())
        rows.append(f"{name}.wav\tdev\tThe window, please!")
    (tmp_path / "manifest.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path


def figures(
    machine: Path, capsys: pytest.CaptureFixture[str], what: str, *options: str
) -> dict[str, object]:
    common = ["--models", str(machine / "models"), "--json", "-"]
    assert main(["evaluate", what, *common, *options]) == 0
    result: dict[str, object] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("mode", ["--offline", "--stream"])
def test_the_figures_have_their_names_in_both_modes(
    machine: Path, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    manifest = ("--manifest", str(machine / "manifest.tsv"))
    result = figures(machine, capsys, "recognize", *manifest, mode, "--limit", "2")
    names = {"wer", "wer_lm", "rtf", "first_partial_s", "commit_delay_s", "changed_partials"}
    assert names <= result.keys()
    assert result["n_words"] == 6  # two recordings of three words
    assert result["wer_lm"] is None  # there is no language model


def test_noise_is_mixed_in_and_said(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = ("--manifest", str(machine / "manifest.tsv"))
    noise = ("--noise", str(machine), "--snr", "5")
    result = figures(machine, capsys, "recognize", *manifest, *noise, "--limit", "1")
    assert result["noise_snr_db"] == 5.0


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("path\ttranscript\na.wav\tyes\nd.wav\tno\n", "1 of 2 recordings are not there, such as"),
        ("path\ttranscript\na.wav\t\n", "no row is with a transcript"),
        ("path\ttext\na.wav\tyes\n", "no columns path, transcript; its first line is: path | text"),
    ],
)
def test_a_manifest_is_checked_before_anything_is_loaded(
    machine: Path, manifest: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = machine / "other.tsv"
    file.write_text(manifest)
    assert main(["evaluate", "recognize", "--manifest", str(file), "--models", "none"]) == 2
    assert told in capsys.readouterr().err


def test_a_condition_without_a_value_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "recognize", "--manifest", "manifest.tsv", "--only", "split"])
    assert "'split' is not of the form COLUMN=TEXT" in capsys.readouterr().err


def test_ten_seconds_of_silence_have_no_word(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = figures(machine, capsys, "noise", "--minutes", str(1 / 6))
    assert (result["seconds"], result["n_words"], result["heard"]) == (10.0, 0, {})
