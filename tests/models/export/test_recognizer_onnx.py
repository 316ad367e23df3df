"""An exported recogniser hears what the network it was made of hears, without torch."""

import sys
from pathlib import Path

import numpy as np
import pytest

from models.errors import CheckpointError, ExportError
from models.export.recognizer_onnx import export_onnx
from models.owsm_ctc.onnx_model import FLOAT_FILE, INT8_FILE, OnnxOwsmCtc, find_exported
from tests.models.export.torch_free import loads_torch
from tests.models.owsm_ctc_models import ENGLISH_ASR, RowSettings, tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with both exported networks beside it."""
    directory = tmp_path_factory.mktemp("exported")
    model = tiny_model()
    model.save(directory)
    for int8 in (False, True):
        export_onnx(model, directory, int8=int8)
    return directory


def noise(n_samples: int) -> np.ndarray:
    return (np.random.default_rng(n_samples).normal(size=n_samples) * 0.1).astype(np.float32)


@pytest.mark.parametrize("n_samples", [0, 100, 2_240, 16_000, 23_457, 16_000 * 50])
def test_any_length_of_sound_gives_the_torch_networks_log_probs(
    folder: Path, n_samples: int
) -> None:
    exported = OnnxOwsmCtc.from_checkpoint(folder, file=folder / FLOAT_FILE)
    asked: RowSettings = {"lang": ["eng"], "task": ["<asr>"], "prompt": ["the window"]}
    expected, lengths = tiny_model().log_probs([noise(n_samples)], **asked)
    found, found_lengths = exported.log_probs([noise(n_samples)], **asked)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)
    assert found_lengths.tolist() == lengths.tolist()


def test_other_stems_can_be_exported(tmp_path: Path) -> None:
    model = tiny_model(subsampling="conv2d8", inter_ctc_blocks=(), prompt_width=16)
    model.save(tmp_path)
    export_onnx(model, tmp_path, int8=False)
    asked: RowSettings = {"lang": ["<nolang>"], "task": ["<st_deu>"], "prompt": [None]}
    expected, _ = model.log_probs([noise(9_000)], **asked)
    found, _ = OnnxOwsmCtc.from_checkpoint(tmp_path).log_probs([noise(9_000)], **asked)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)


def test_eight_bits_change_little_and_are_what_is_taken_without_a_choice(folder: Path) -> None:
    expected, _ = tiny_model().log_probs([noise(32_000)], **ENGLISH_ASR)
    found, _ = OnnxOwsmCtc.from_checkpoint(folder).log_probs([noise(32_000)], **ENGLISH_ASR)
    difference = np.abs(np.exp(found) - expected.exp().numpy())
    assert find_exported(folder) == folder / INT8_FILE
    assert 0.0 < difference.mean() < 0.01


def test_each_row_of_a_batch_is_what_it_is_alone(folder: Path) -> None:
    exported = OnnxOwsmCtc.from_checkpoint(folder, file=folder / FLOAT_FILE)
    rows = [noise(8_000), noise(20_000)]
    asked: RowSettings = {"lang": ["eng", "deu"], "task": ["<asr>"] * 2, "prompt": [None, None]}
    batch, lengths = exported.log_probs(rows, **asked)
    alone, _ = exported.log_probs(rows[:1], **ENGLISH_ASR)
    np.testing.assert_array_equal(batch[0, : lengths[0]], alone[0])


@pytest.mark.parametrize(
    ("audio", "lang", "complaint"),
    [
        (np.full(4_000, np.nan, np.float32), "eng", "not finite"),
        (np.zeros(4_000, np.int16), "eng", "float array"),
        (np.zeros(4_000, np.float32), "jpn", "does not know the language"),
    ],
)
def test_bad_input_is_named(folder: Path, audio: np.ndarray, lang: str, complaint: str) -> None:
    exported = OnnxOwsmCtc.from_checkpoint(folder)
    with pytest.raises(ValueError, match=complaint):
        exported.log_probs([audio], lang=[lang], task=["<asr>"], prompt=[None])


def test_a_prompt_longer_than_the_table_of_positions_is_read(folder: Path) -> None:
    asked: RowSettings = {"lang": ["eng"], "task": ["<asr>"], "prompt": ["the window " * 400]}
    exported = OnnxOwsmCtc.from_checkpoint(folder, file=folder / FLOAT_FILE)
    expected, _ = tiny_model().log_probs([noise(9_000)], **asked)
    found, _ = exported.log_probs([noise(9_000)], **asked)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)


def test_a_folder_without_a_network_and_a_damaged_network_are_named(tmp_path: Path) -> None:
    tiny_model().save(tmp_path)
    with pytest.raises(CheckpointError, match=r"has no model\.int8\.onnx or model\.onnx"):
        OnnxOwsmCtc.from_checkpoint(tmp_path)
    (tmp_path / FLOAT_FILE).write_bytes(b"no graph")
    with pytest.raises(CheckpointError, match="damaged, or not an ONNX network"):
        OnnxOwsmCtc.from_checkpoint(tmp_path)


def test_a_network_of_another_vocabulary_is_not_taken(folder: Path, tmp_path: Path) -> None:
    tokens = tiny_model().config.tokens
    tiny_model(tokens=(*tokens, "<more>")).save(tmp_path)
    (tmp_path / FLOAT_FILE).write_bytes((folder / FLOAT_FILE).read_bytes())
    with pytest.raises(CheckpointError, match="writes 36 tokens, the configuration has 37"):
        OnnxOwsmCtc.from_checkpoint(tmp_path)


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExportError, match=r"dragoman\[export\]"):
        export_onnx(tiny_model(), tmp_path, int8=False)


def test_recognising_with_an_exported_network_does_not_import_torch(folder: Path) -> None:
    program = (
        "import pathlib, numpy as np\n"
        "from models.owsm_ctc.onnx_model import OnnxOwsmCtc\n"
        "from engine.beam_decoder import BeamDecoder\n"
        f"network = OnnxOwsmCtc.from_checkpoint(pathlib.Path({str(folder)!r}))\n"
        "decoder = BeamDecoder(network, network.config.tokens)\n"
        "decoder.decode(np.zeros(16000, np.float32), lang='en')\n"
    )
    assert not loads_torch(program)
