"""Loading ESPnet's layout, from folders written here; the real pack is in the parity tests."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.checkpoint import CheckpointError, load_espnet
from models.owsm_ctc.model import OwsmCtc
from tests.models.espnet_repository import write_repository
from tests.models.owsm_ctc_models import tiny_model


def rewrite_weights(directory: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    path = directory / "exp" / "model.pth"
    tensors = torch.load(path, weights_only=True)
    change(tensors)
    torch.save(tensors, path)


def small(**changes: Any) -> OwsmCtc:
    return tiny_model(subsampling="conv2d8", **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n_mels": 128},
        {"prompt_width": 16},
        {"inter_ctc_blocks": (), "self_conditioning": False},
        {"cross_attention_blocks": (0, 1, 2, 3), "gate_kernel": 5, "merge_kernel": 1},
    ],
)
def test_every_size_comes_from_the_configuration(tmp_path: Path, changes: dict[str, Any]) -> None:
    model = small(**changes)
    loaded = load_espnet(write_repository(tmp_path / "model", model), "cpu")
    assert not loaded.training
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, rtol=0, atol=0)
    assert loaded.config.n_mels == model.config.n_mels
    assert loaded.config.buffer_s == 30.0
    audio = np.random.default_rng(0).normal(size=16_000).astype(np.float32) * 0.1
    assert loaded.recognize(audio) == model.recognize(audio)


def test_equal_widths_load_without_projection_tensors(tmp_path: Path) -> None:
    directory = write_repository(tmp_path / "model", small(prompt_width=16))
    names = torch.load(directory / "exp" / "model.pth", weights_only=True)
    assert not [name for name in names if "_proj." in name and "encoders" not in name]


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    directory = write_repository(tmp_path / "model", small())
    rewrite_weights(
        directory, lambda tensors: tensors.pop("encoder.encoders.2.cross_attn.linear_k.bias")
    )
    with pytest.raises(CheckpointError, match=r"encoder\.encoders\.2\.cross_attn\.linear_k\.bias"):
        load_espnet(directory, "cpu")


def test_an_extra_tensor_is_named(tmp_path: Path) -> None:
    directory = write_repository(tmp_path / "model", small())
    rewrite_weights(directory, lambda tensors: tensors.update({"decoder.embed": torch.zeros(2)}))
    with pytest.raises(CheckpointError, match=r"decoder\.embed is not part"):
        load_espnet(directory, "cpu")


@pytest.mark.parametrize("name", ["ctc.ctc_lo.weight", "frontend.logmel.melmat", "normalize.std"])
def test_a_misshapen_tensor_is_named_with_both_shapes(tmp_path: Path, name: str) -> None:
    directory = write_repository(tmp_path / "model", small())
    rewrite_weights(directory, lambda tensors: tensors.update({name: tensors[name][:-1]}))
    with pytest.raises(CheckpointError, match=rf"{name} has the shape \(\d+, ?\d*\); .* says \("):
        load_espnet(directory, "cpu")


class Harmful:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return (print, ("this must not run",))


def test_a_pickle_with_code_is_refused_and_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = write_repository(tmp_path / "model", small())
    torch.save({"ctc.ctc_lo.weight": Harmful()}, directory / "exp" / "model.pth")
    with pytest.raises(CheckpointError, match=r"model\.pth: damaged, or not plain tensors"):
        load_espnet(directory, "cpu")
    (directory / "exp" / "model.pth").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(CheckpointError, match=r"model\.pth"):
        load_espnet(directory, "cpu")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [[1, 2], {"step": 3}])
def test_weights_that_are_no_named_tensors_are_refused(tmp_path: Path, content: object) -> None:
    directory = write_repository(tmp_path / "model", small())
    torch.save(content, directory / "exp" / "model.pth")
    with pytest.raises(CheckpointError, match=r"not named tensors|not a tensor"):
        load_espnet(directory, "cpu")


@pytest.mark.parametrize(
    "name",
    ["meta.yaml", "exp/config.yaml", "exp/model.pth", "exp/feats_stats.npz", "data/bpe.model"],
)
def test_a_missing_truncated_or_overwritten_file_is_named(tmp_path: Path, name: str) -> None:
    directory = write_repository(tmp_path / "model", small())
    path = directory / name
    content = path.read_bytes()
    for damaged in (content[: len(content) // 3], b"", b"\xff\xfe: [", None):
        if damaged is None:
            path.unlink()
        else:
            path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=path.name):
            load_espnet(directory, "cpu")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"encoder": "conformer"}, "encoder is 'conformer'"),
        ({"model": "espnet"}, "model is 'espnet'"),
        ({"encoder_conf": {"input_layer": "conv2d"}}, "input_layer"),
        ({"encoder_conf": {"pos_enc_layer_type": "rel_pos"}}, "pos_enc_layer_type"),
        ({"encoder_conf": {"gate_activation": "gelu"}}, "gate_activation"),
        ({"encoder_conf": {"num_blocks": "four"}}, "config.yaml"),
        ({"encoder_conf": {"output_size": 15}}, "width"),
        ({"frontend_conf": {"fs": "8k"}}, "fs"),
        ({"frontend_conf": {"hop_length": 128}}, "hop_length"),
        ({"token_list": "tokens.txt"}, "token_list"),
        ({"token_list": ["<blank>", "<unk>"]}, "vocabulary"),
        ({"token_list": ["<blank>", "<unk>", "<na>", "<nolang>", "<asr>"]}, "tokeniser's piece"),
        ({"normalize_conf": {"stats_file": None}}, "stats_file is missing"),
        ({"encoder_conf": {"linear_units": 32}}, "w_1"),
    ],
)
def test_a_configuration_that_is_not_computed_here_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], what: str
) -> None:
    directory = write_repository(tmp_path / "model", small(), **changes)
    with pytest.raises(CheckpointError, match=what):
        load_espnet(directory, "cpu")
