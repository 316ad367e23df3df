"""An exported autoregressive model writes what the network it was made of writes, without torch."""

from pathlib import Path

import pytest

from app.cli import main
from engine.policies.config import PolicyConfig, PolicyError
from engine.policies.loader import load_translator
from engine.policies.wait_k import WaitKTranslator
from models.autoregressive import AutoregressiveTransformer
from models.checkpoint import save_checkpoint
from models.decoding import Writer
from models.errors import CheckpointError
from models.export.autoregressive_engine import AutoregressiveEngine
from models.export.onnx_autoregressive import export_autoregressive
from models.onnx_session import ONNX_FOLDER
from tests.models.export.torch_free import loads_torch
from tests.models.translators import SENTENCES, fretna, talkative, tokenizer


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint and its exports in both precisions."""
    directory = tmp_path_factory.mktemp("wait-k")
    network = model()
    save_checkpoint(directory / "checkpoint", network.config.to_dict(), network, tokenizer().model)
    for name, int8 in (("float32", False), ("int8", True)):
        export_autoregressive(directory / "checkpoint", directory / name, int8=int8)
    return directory


def model() -> AutoregressiveTransformer:
    return talkative("wait-k", seed=2).float()


@pytest.mark.parametrize("wait", [1, 3])
@pytest.mark.parametrize("text", SENTENCES)
def test_growing_sources_are_written_as_torch_writes_them(
    text: str, wait: int, exports: Path
) -> None:
    network = model()
    torch_session = WaitKTranslator(
        network.config, tokenizer(), lambda: Writer(network), wait=wait
    ).start()
    session = load_translator(exports / "float32", policy=PolicyConfig(wait=wait)).start()
    words = text.split()
    for n_read in (*range(1, len(words) + 1), 3, len(words)):  # it shrinks and grows again
        prefix, finished = " ".join(words[:n_read]), n_read == len(words)
        expected = torch_session.update(prefix, finished=finished)
        assert session.update(prefix, finished=finished) == expected


@pytest.fixture(scope="module")
def reta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ReTA and a FReTNA, and the former's export."""
    directory = tmp_path_factory.mktemp("reta")
    for name, network in (("checkpoint", talkative(seed=2).float()), ("fretna", fretna())):
        save_checkpoint(directory / name, network.config.to_dict(), network, tokenizer().model)
    for name, int8 in (("float32", False), ("int8", True)):
        export_autoregressive(directory / "checkpoint", directory / name, int8=int8)
    return directory


@pytest.mark.parametrize("policy", ["plain", "speculative", "lossless"])
@pytest.mark.parametrize("text", SENTENCES[:4])
def test_reta_with_and_without_drafts_is_that_of_torch(text: str, policy: str, reta: Path) -> None:
    plain = load_translator(reta / "checkpoint").start()
    session = {
        "plain": lambda: load_translator(reta / "float32"),
        "speculative": lambda: load_translator(
            reta / "float32", policy=PolicyConfig(speculative=True)
        ),
        "lossless": lambda: load_translator(
            reta / "fretna", policy=PolicyConfig(lossless=True), verifier=reta / "float32"
        ),
    }[policy]().start()
    words = text.split()
    committed: tuple[str, ...] = ()
    for n_read in (*range(1, len(words) + 1), 3, len(words)):
        prefix, finished = " ".join(words[:n_read]), n_read == len(words)
        expected = plain.update(prefix, finished=finished, committed=committed)
        assert session.update(prefix, finished=finished, committed=committed) == expected
        committed = expected.words[: n_read // 4]


def test_what_an_engine_cannot_do_is_refused(reta: Path) -> None:
    with pytest.raises(PolicyError, match="greedy"):
        load_translator(reta / "float32", policy=PolicyConfig(beam=2))
    with pytest.raises(PolicyError, match="float32"):
        load_translator(reta / "fretna", policy=PolicyConfig(lossless=True), verifier=reta / "int8")


def test_eight_bits_still_write(exports: Path) -> None:
    files = {file.name for file in (exports / "int8" / ONNX_FOLDER).glob("*.onnx")}
    assert files == {"encoder.int8.onnx", "decoder.int8.onnx"}
    assert load_translator(exports / "int8").start().update(SENTENCES[0], finished=True).words


def test_a_source_beyond_the_positions_is_a_value_error(exports: Path) -> None:
    config = model().config
    with pytest.raises(ValueError, match="longer than the 48"):
        AutoregressiveEngine(exports / "int8", config).new_writer().read([5] * 49)


def test_the_command_exports_either_kind(exports: Path, tmp_path: Path) -> None:
    arguments = ["--out", str(tmp_path), "--quantization", "float32"]
    assert main(["export", str(exports / "checkpoint"), *arguments]) == 0
    assert {file.name for file in (tmp_path / ONNX_FOLDER).glob("*.onnx")} == {
        "encoder.onnx",
        "decoder.onnx",
    }


@pytest.mark.parametrize("system", ["wait-k", "reta"])
def test_the_command_compares_an_export_with_torch(
    system: str, exports: Path, reta: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pairs.tsv").write_text("".join(f"{text}\t\n" for text in SENTENCES))
    checkpoint = {"wait-k": exports, "reta": reta}[system] / "checkpoint"
    arguments = ["--out", str(tmp_path / "out"), "--quantization", "float32"]
    check = ["--check", str(tmp_path / "pairs.tsv"), "--limit", "6"]
    assert main(["export", str(checkpoint), *arguments, *check]) == 0
    assert "same translation as torch: 6 of 6 (100.0%)" in capsys.readouterr().out


def test_a_damaged_or_missing_network_is_named(exports: Path, tmp_path: Path) -> None:
    config = model().config
    with pytest.raises(CheckpointError, match="no exported encoder"):
        AutoregressiveEngine(tmp_path, config)
    (tmp_path / ONNX_FOLDER).mkdir()
    (tmp_path / ONNX_FOLDER / "encoder.onnx").write_bytes(b"no graph")
    with pytest.raises(CheckpointError, match="damaged"):
        AutoregressiveEngine(tmp_path, config)
    decoder = (exports / "float32" / ONNX_FOLDER / "decoder.onnx").read_bytes()
    (tmp_path / ONNX_FOLDER / "encoder.onnx").write_bytes(decoder)
    with pytest.raises(CheckpointError, match="not the network that was expected"):
        AutoregressiveEngine(tmp_path, config)


def test_translating_with_an_export_does_not_import_torch(exports: Path) -> None:
    program = (
        "import pathlib\n"
        "from engine.policies.loader import load_translator\n"
        f"translator = load_translator(pathlib.Path({str(exports / 'int8')!r}))\n"
        "translator.start().update('the old man', finished=True)\n"
    )
    assert not loads_torch(program)
