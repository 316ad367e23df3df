import json

import pytest

from models.owsm_ctc.config import OwsmCtcConfig
from tests.models.owsm_ctc_models import tiny_config


def test_the_json_form_gives_the_same_configuration_back() -> None:
    config = tiny_config(subsampling="conv2d8", inter_ctc_blocks=())
    assert OwsmCtcConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_an_unknown_setting_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="'widht'"):
        OwsmCtcConfig.from_json({**tiny_config().to_json(), "widht": 12})


def test_a_configuration_without_a_vocabulary_is_an_error() -> None:
    with pytest.raises(ValueError, match="lacks 'tokens'"):
        OwsmCtcConfig.from_json({"width": 16})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("width", 17),
        ("width", 0),
        ("prompt_width", 7),
        ("n_mels", 14),
        ("gate_width", 25),
        ("gate_kernel", 4),
        ("merge_kernel", 0),
        ("subsampling", "conv1d"),
        ("subsampling_channels", -1),
        ("cross_attention_blocks", (4,)),
        ("cross_attention_blocks", (2, 0)),
        ("inter_ctc_blocks", (0,)),
        ("inter_ctc_blocks", (4,)),
        ("dropout", 1.0),
        ("buffer_s", 0.0),
    ],
)
def test_a_value_out_of_range_is_named(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        tiny_config(**{key: value})


@pytest.mark.parametrize(
    ("tokens", "what"),
    [
        (("<unk>", "<blank>", "<na>", "<nolang>", "<asr>"), "must begin with"),
        (("<blank>", "<unk>", "<na>", "<nolang>", "<asr>", "a", "a"), "'a' occurs twice"),
        (("<blank>", "<unk>", "<nolang>", "<asr>"), "'<na>' is missing"),
        (("<blank>", "<unk>", "<na>", "<asr>", "<nolang>"), "must stand before"),
    ],
)
def test_a_broken_vocabulary_is_an_error_that_says_how(tokens: tuple[str, ...], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        tiny_config(tokens=tokens)


def test_the_small_model_of_this_project_has_about_five_million_parameters() -> None:
    from models.owsm_ctc.network import OwsmCtcNetwork

    special = ("<blank>", "<unk>", "<na>", "<nolang>", "<eng>", "<asr>")
    config = OwsmCtcConfig(tokens=(*special, *(f"t{i}" for i in range(256))))
    n_parameters = sum(p.numel() for p in OwsmCtcNetwork(config).parameters())
    assert 5.0e6 < n_parameters < 5.6e6
