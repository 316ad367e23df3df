import json
from pathlib import Path

import pytest
import torch

from models.autoregressive import AutoregressiveTransformer
from models.checkpoint import read_checkpoint, save_checkpoint
from models.errors import CheckpointError
from models.fretna import Fretna
from tests.models.translators import autoregressive, config, tokenizer


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    model = autoregressive()
    save_checkpoint(
        tmp_path, config("reta").to_dict(), model, tokenizer().model, dtype=torch.float16
    )
    return tmp_path


def test_a_saved_model_translates_as_before(saved: Path) -> None:
    model = AutoregressiveTransformer.from_checkpoint(read_checkpoint(saved), "cpu")
    source, target = torch.tensor([[9, 8, 7]]), torch.tensor([[2, 5]])
    with torch.inference_mode():
        before = autoregressive()(source, torch.tensor([3]), target)
        after = model(source, torch.tensor([3]), target)
    torch.testing.assert_close(after, before, rtol=1e-2, atol=1e-2)


def test_eight_bits_lose_at_most_half_a_step_of_each_row(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(96, 40), torch.nn.LayerNorm(40))
    model.register_buffer("steps", torch.arange(4))
    with torch.no_grad():
        model[0].weight[3] *= 100
        model[0].weight[5] = 0
    save_checkpoint(tmp_path / "half", {}, model, b"", dtype=torch.float16)
    save_checkpoint(tmp_path / "eighth", {}, model, b"", dtype=torch.int8)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("half", "eighth")]
    assert sizes[1] < 0.7 * sizes[0]
    read = read_checkpoint(tmp_path / "eighth").tensors
    assert read.keys() == model.state_dict().keys()
    before = model[0].weight.detach()
    step = before.abs().amax(dim=1, keepdim=True) / 127
    assert bool(((read["0.weight"] - before).abs() <= 0.501 * step).all())
    assert torch.equal(read["steps"], torch.arange(4))
    torch.testing.assert_close(read["0.bias"].float(), model[0].bias.detach(), rtol=1e-3, atol=1e-3)


def test_a_truncated_file_is_named(saved: Path) -> None:
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors: damaged or truncated"):
        read_checkpoint(saved)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.model"])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        read_checkpoint(saved)


def test_a_checkpoint_of_another_kind_is_refused(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="is a reta checkpoint, not fretna"):
        Fretna.from_checkpoint(read_checkpoint(saved), "cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_decoder_layers": 3}, r"tensor layers\.2\..* is missing"),
        ({"n_decoder_layers": 1}, r"tensor layers\.1\..* is not part of the model"),
        ({"d_ff": 64}, r"tensor .*feed_forward.* has shape"),
        ({"d_model": "wide"}, "configuration"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    saved: Path, change: dict[str, object], message: str
) -> None:
    path = saved / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match=message):
        AutoregressiveTransformer.from_checkpoint(read_checkpoint(saved), "cpu")


def test_a_configuration_that_is_no_json_is_refused(saved: Path) -> None:
    (saved / "config.json").write_text("kind = reta")
    with pytest.raises(CheckpointError, match="not JSON"):
        read_checkpoint(saved)
