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
