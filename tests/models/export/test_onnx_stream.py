"""An exported FReTNA of the `stream` form says what the network it was made of says."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from app.cli import main
from engine.policies.loader import load_translator
from models.checkpoint import save_checkpoint
from models.errors import CheckpointError
from models.export.onnx_stream import export_stream
from models.export.stream_engine import StreamEngine, network_file
from models.ngram import NGRAM_FILE
from models.onnx_session import ONNX_FOLDER
from models.shortlist import SHORTLIST_FILE
from models.stream_fretna import SlotWindow, StreamFretna
from models.translator_config import source_ids
from tests.models.export.torch_free import loads_torch
from tests.models.translators import (
    SENTENCES,
    fretna,
    language_model,
    shortlist,
    stream_fretna,
    tokenizer,
)

SOURCE = source_ids(tokenizer().encode(" ".join(SENTENCES[::2])), finished=True)[:40]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint and its exports in both precisions."""
    directory = tmp_path_factory.mktemp("stream")
    save(stream_fretna(), directory / "checkpoint")
    language_model(SENTENCES[1::2]).save(directory / "checkpoint" / NGRAM_FILE)
    shortlist().save(directory / "checkpoint" / SHORTLIST_FILE)
    for name, int8 in (("float32", False), ("int8", True)):
        export_stream(directory / "checkpoint", directory / name, int8=int8)
    return directory


def save(network: StreamFretna, directory: Path) -> None:
    save_checkpoint(directory, network.config.to_dict(), network, tokenizer().model)


def test_growing_and_shrinking_sources_get_the_labels_that_torch_gives(exports: Path) -> None:
    network = stream_fretna()
    expected = SlotWindow(network, shortlist())
    window = StreamEngine(exports / "float32", network.config).open_window()
    n_known = 0
    for n_read in (1, 2, 3, 7, 8, 20, 21, 4, 30, len(SOURCE)):
        known = min(n_known, n_read - 1)
        start, slots = window.read(SOURCE[:n_read], known)
        expected_start, expected_slots = expected.read(SOURCE[:n_read], known)
        assert start == expected_start
        np.testing.assert_array_equal(slots.labels[:, 0], expected_slots.labels[:, 0])
        np.testing.assert_allclose(slots.scores, expected_slots.scores, atol=1e-4)
        np.testing.assert_allclose(window.logits(), expected.logits(), atol=1e-4)
        n_known = n_read


def test_a_source_that_has_not_changed_is_read_again(exports: Path) -> None:
    window = StreamEngine(exports / "float32", stream_fretna().config).open_window()
    start, slots = window.read(SOURCE[:9], 0)
    again_start, again = window.read(SOURCE[:9], 9)
    np.testing.assert_array_equal(again.labels, slots.labels[again_start - start :])


@pytest.mark.parametrize("text", SENTENCES[::2])
def test_the_policy_is_the_same_on_either_engine(text: str, exports: Path) -> None:
    session = load_translator(exports / "float32").start()
    expected = load_translator(exports / "checkpoint").start()
    words = text.split()
    committed: tuple[str, ...] = ()
    for n_read in range(1, len(words) + 1):
        prefix, finished = " ".join(words[:n_read]), n_read == len(words)
        hypothesis = session.update(prefix, finished=finished, committed=committed)
        assert hypothesis == expected.update(prefix, finished=finished, committed=committed)
        committed = hypothesis.words[: max(len(committed), len(hypothesis.words) // 2)]


def test_without_a_shortlist_all_labels_are_looked_at(tmp_path: Path) -> None:
    network = stream_fretna()
    save(network, tmp_path / "checkpoint")
    export_stream(tmp_path / "checkpoint", tmp_path / "out", int8=False)
    window, expected = (
        StreamEngine(tmp_path / "out", network.config).open_window(),
        SlotWindow(network),
    )
    window.read(SOURCE, 0)
    expected.read(SOURCE, 0)
    np.testing.assert_allclose(window.logits(), expected.logits(), atol=1e-4)


def test_eight_bits_change_few_labels(exports: Path) -> None:
    config = stream_fretna().config
    labels = [
        StreamEngine(exports / name, config).open_window().read(SOURCE, 0)[1].labels[:, 0]
        for name in ("int8", "float32")
    ]
    same = sum(one == two for one, two in zip(*labels, strict=True))
    assert same > 0.7 * len(labels[0])  # random weights: every label is a close call


def test_every_product_with_weights_is_of_eight_bits(exports: Path) -> None:
    graph = onnx.load_model(network_file(exports / "int8", int8=True)).graph
    kinds = [node.op_type for node in graph.node]
    config = stream_fretna().config
    assert kinds.count("MatMulInteger") == 4 * (config.n_encoder_layers + config.n_decoder_layers)
    assert kinds.count("MatMul") == 1  # with the embeddings of the labels that are looked at


def test_a_source_beyond_the_positions_is_a_value_error(exports: Path) -> None:
    window = StreamEngine(exports / "int8", stream_fretna().config).open_window()
    with pytest.raises(ValueError, match="longer than the 48"):
        window.read([5] * 49, 0)


def test_the_command_exports_it(exports: Path, tmp_path: Path) -> None:
    arguments = ["--out", str(tmp_path), "--quantization", "float32"]
    assert main(["export", str(exports / "checkpoint"), *arguments]) == 0
    assert [file.name for file in (tmp_path / ONNX_FOLDER).glob("*.onnx")] == ["update.onnx"]


def test_another_form_is_refused(tmp_path: Path) -> None:
    network = fretna()
    save_checkpoint(tmp_path, network.config.to_dict(), network, tokenizer().model)
    with pytest.raises(CheckpointError, match="ctc form"):
        export_stream(tmp_path, tmp_path / "out", int8=True)


def test_translating_with_an_export_does_not_import_torch(exports: Path) -> None:
    program = (
        "import pathlib\n"
        "from engine.policies.loader import load_translator\n"
        f"translator = load_translator(pathlib.Path({str(exports / 'int8')!r}))\n"
        "translator.start().update('the old man', finished=True, committed=('Haus',))\n"
    )
    assert not loads_torch(program)
