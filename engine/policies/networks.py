"""The policies whose networks run in torch."""

from collections.abc import Sequence
from pathlib import Path

from engine.policies.config import PolicyConfig, PolicyError
from engine.policies.edits import EditTranslator, HybridTranslator
from engine.policies.exported import OnnxRetaTranslator, load_exported
from engine.policies.fretna import FretnaTranslator
from engine.policies.lossless import LosslessTranslator
from engine.policies.reta import RetaTranslator
from engine.policies.stream import StreamFretnaTranslator
from engine.policies.wait_k import WaitKTranslator
from engine.translator import Translator
from models.autoregressive import AutoregressiveTransformer
from models.checkpoint import Checkpoint, read_checkpoint
from models.decoding import Writer, greedy
from models.errors import CheckpointError
from models.fretna import Fretna
from models.levenshtein_transformer import Hybrid, LevenshteinTransformer
from models.onnx_session import ONNX_FOLDER
from models.shortlist import Shortlist
from models.slot_search import find_search
from models.speculation import Proposal
from models.stream_fretna import SlotWindow, StreamFretna
from models.tokenizer import Tokenizer
from models.translator_config import TranslatorConfig


def load_network(
    directory: Path, device: str, policy: PolicyConfig, verifier: Path | None, n_threads: int
) -> Translator:
    """The translator of a checkpoint; arguments and errors as for `load_translator`."""
    checkpoint = read_checkpoint(directory).expect("fretna", "reta", "wait-k")
    tokenizer = Tokenizer(checkpoint.tokenizer)
    if policy.lossless:
        if checkpoint.kind != "fretna" or verifier is None:
            raise PolicyError(
                f"lossless is for fretna with a verifier, not for {checkpoint.kind} alone"
            )
        drafter = _load_drafter(checkpoint, device)
        if device == "cpu" and (verifier / ONNX_FOLDER).is_dir():
            return _verify_exported(drafter, verifier, tokenizer, n_threads)
        return verify_drafts(drafter, _load_verifier(verifier, tokenizer, device), tokenizer)
    if checkpoint.kind == "fretna":
        return _load_fretna(checkpoint, tokenizer, device, policy)
    model = AutoregressiveTransformer.from_checkpoint(checkpoint, device)
    if checkpoint.kind == "reta":
        return RetaTranslator(model, tokenizer, policy)
    return WaitKTranslator(model.config, tokenizer, lambda: Writer(model), wait=policy.wait)


def verify_drafts(
    drafter: Fretna | StreamFretna, verifier: AutoregressiveTransformer, tokenizer: Tokenizer
) -> LosslessTranslator:
    """FReTNA, verified by ReTA.

    Raises:
        CheckpointError: the two do not belong together.
    """

    def write(source: Sequence[int], prefix: Sequence[int], propose: Proposal) -> list[int]:
        return greedy(verifier, source, prefix, propose=propose)

    return LosslessTranslator(verifier.config, write, drafter.config, drafter.log_probs, tokenizer)


def _verify_exported(
    drafter: Fretna | StreamFretna, directory: Path, tokenizer: Tokenizer, n_threads: int
) -> LosslessTranslator:
    """The same with an exported verifier."""
    verifier = load_exported(directory, PolicyConfig(speculative=True), n_threads=n_threads)
    if not isinstance(verifier, OnnxRetaTranslator) or not verifier.engine.exact:
        raise PolicyError(
            f"{directory}: lossless wants a reta in float32: with eight bits, one pass over a "
            "draft does not predict quite what single steps do"
        )
    _expect_tokenizer(directory, verifier.tokenizer.model, tokenizer)
    return LosslessTranslator(
        verifier.engine.config, verifier.write, drafter.config, drafter.log_probs, tokenizer
    )


def _load_fretna(
    checkpoint: Checkpoint, tokenizer: Tokenizer, device: str, policy: PolicyConfig
) -> Translator:
    """FReTNA in the form that the checkpoint has."""
    model = _fretna_network(checkpoint).from_checkpoint(checkpoint, device)
    match model:
        case StreamFretna():
            search = find_search(checkpoint.directory, tokenizer)
            shortlist = Shortlist.find(checkpoint.directory, tokenizer.vocab_size)
            return StreamFretnaTranslator(
                model.config, tokenizer, lambda: SlotWindow(model, shortlist), search
            )
        case LevenshteinTransformer():
            return EditTranslator(model, tokenizer, policy)
        case Hybrid():
            return HybridTranslator(model, tokenizer, policy)
        case Fretna():
            return FretnaTranslator(model, tokenizer)


def _load_drafter(checkpoint: Checkpoint, device: str) -> Fretna | StreamFretna:
    drafter = _fretna_network(checkpoint).from_checkpoint(checkpoint, device)
    if isinstance(drafter, LevenshteinTransformer):
        raise PolicyError("lossless wants a draft of slots, which the form levt does not have")
    return drafter


def _fretna_network(
    checkpoint: Checkpoint,
) -> type[Fretna] | type[StreamFretna] | type[LevenshteinTransformer] | type[Hybrid]:
    match TranslatorConfig.from_dict(checkpoint.config).form:
        case "stream":
            return StreamFretna
        case "levt":
            return LevenshteinTransformer
        case "hybrid":
            return Hybrid
        case _:
            return Fretna


def _load_verifier(directory: Path, tokenizer: Tokenizer, device: str) -> AutoregressiveTransformer:
    checkpoint = read_checkpoint(directory).expect("reta")
    _expect_tokenizer(directory, checkpoint.tokenizer, tokenizer)
    return AutoregressiveTransformer.from_checkpoint(checkpoint, device)


def _expect_tokenizer(directory: Path, found: bytes, wanted: Tokenizer) -> None:
    if found != wanted.model:
        raise CheckpointError(f"{directory}: its tokeniser is not that of the model it verifies")
