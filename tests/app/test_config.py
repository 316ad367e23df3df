import dataclasses
import json
import math
from pathlib import Path

import pytest

from app.config import ConfigError, Settings, compose, load, tables_of
from app.overlay.choices import STABILITY, Chosen
from engine.recognizer_config import PRESETS
from engine.stability import BALANCED

FILE = """
[run]
from = "en"
to = "fr"
wait = 5
srt = "~/talk.srt"

[stability]
mask_k = 2

[vad]
padding_s = 1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    return path


def test_the_file_overrides_the_defaults_and_the_command_line_the_file(file: Path) -> None:
    settings = load(file, {"run": {"translator": "wait-k", "wait": 7}})
    assert settings.run.target_lang == "fr"
    assert settings.run.wait == 7
    assert settings.run.srt == Path("~/talk.srt").expanduser()
    assert settings.stability.mask_k == 2
    assert settings.vad.padding_s == 1.0
    assert settings.run.translator == "wait-k"
    assert settings.run.preset == "balanced"


def test_a_list_of_texts_may_be_set(file: Path) -> None:
    file.write_text("[feed]\norigins = ['https://example.org', 'https://example.net']")
    assert load(file, {}).feed.origins == ("https://example.org", "https://example.net")


def test_without_a_file_there_are_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load(None, {}).run.source_lang == "en"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[run]\ncolour = 1", "'colour'"),
        ("[colour]\n", r"\[colour\]"),
        ("run = 3", r"write \[run\]"),
        ("[run]\nwait = 'many'", "wait is 'many'"),
        ("[run]\nwait = true", "wait is True"),
        ("[run]\nwait = 0", "wait is 0, must be from 1 to 50"),
        ("[run]\npace = 'slow'", "not one of real, fast"),
        ("[stability]\nmask_k = -1", "mask_k = -1"),
        ("[feed]\naddress = '0.0.0.0:1'", "--feed-token"),
        ("[feed]\norigins = 'https://example.org'", "not a list"),
        ("[feed]\nping_s = 0", "ping_s is 0"),
        ("[feed]\ntls_key = 'key.pem'", "without tls_cert"),
        ("[mqtt]\ntopic = '#'", "mqtt topic"),
        ("[run", "not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(file: Path, text: str, named: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match=named) as caught:
        load(file, {})
    assert str(file) in str(caught.value)


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.toml", {})


def test_a_bad_option_is_not_blamed_on_the_file(file: Path) -> None:
    with pytest.raises(ConfigError, match="command line: wait is 99"):
        load(file, {"run": {"wait": 99}})


def test_a_setting_of_another_translator_is_warned_of_if_it_is_in_the_file(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load(file, {"run": {"translator": "wait-k"}})
    load(file, {"run": {"translator": "reta", "beam": 4}})
    assert caplog.messages == []
    load(file, {})
    assert caplog.messages == [f"{file}: [run] wait is for wait-k, the translator is fretna"]


def test_a_preset_is_refined_by_what_the_file_says_of_the_recogniser(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[run]\npreset = 'careful'\n[recognizer]\nstep_ms = 640\n")
    settings = load(file, {})
    assert settings.recognizer == dataclasses.replace(PRESETS["careful"], step_ms=640)
    chosen = load(file, {"run": {"preset": "fast"}})
    assert chosen.recognizer == dataclasses.replace(PRESETS["fast"], step_ms=640)


def test_a_budget_is_held_unless_a_delay_or_no_limit_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"

    def budget(table: str, **options: float) -> float:
        file.write_text(f"[stability]\n{table}\n")
        return load(file, {"stability": options}).stability.budget

    assert Settings().stability == load(None, {}).stability == BALANCED
    assert budget("mask_k = 1") == BALANCED.budget
    assert budget("budget = 0.4") == 0.4
    assert budget("budget = 0.4", budget=0.0) == 0.0
    assert budget("budget = inf") == math.inf
    assert budget("delay_s = 2") == math.inf
    assert budget("mask_k = 1", delay_s=2.0) == math.inf
    with pytest.raises(ConfigError, match="give one of them"):
        budget("budget = 0.4", delay_s=2.0)


@pytest.mark.parametrize("name", STABILITY)
def test_every_step_of_the_dial_survives_the_way_to_another_process(name: str) -> None:
    settings = Chosen(stability=name).apply(Settings())
    tables = json.loads(json.dumps(tables_of(settings)))
    assert compose(tables, "elsewhere").stability == settings.stability


def test_settings_survive_the_way_through_tables_of_json(file: Path) -> None:
    settings = load(
        file,
        {
            "run": {"preset": "careful", "models": Path("/m"), "keep": False},
            "stability": {"budget": 0.2},
            "feed": {"address": "localhost:0", "token": "t", "origins": ("https://a", "https://b")},
        },
    )
    tables = json.loads(json.dumps(tables_of(settings)))
    assert compose(tables, "elsewhere") == settings
