"""The policies whose networks run in torch."""

from pathlib import Path

from engine.policies.config import PolicyConfig, PolicyError
from engine.policies.fretna import FretnaTranslator
from engine.policies.lossless import LosslessTranslator
from engine.policies.reta import RetaTranslator
from engine.policies.stream import StreamFretnaTranslator
from engine.policies.wait_k import WaitKTranslator
from engine.translator import Translator
from models.autoregressive import AutoregressiveTransformer
from models.checkpoint import Checkpoint, read_checkpoint
from models.decoding import Writer
from models.errors import CheckpointError
from models.fretna import Fretna
from models.stream_fretna import SlotWindow, StreamFretna
from models.tokenizer import Tokenizer


def load_network(
    directory: Path, device: str, policy: PolicyConfig, verifier: Path | None
) -> Translator:
    """The translator of a checkpoint; arguments and errors as for `load_translator`."""
    checkpoint = read_checkpoint(directory).expect("fretna", "reta", "wait-k")
    tokenizer = Tokenizer(checkpoint.tokenizer)
    if policy.lossless:
        if checkpoint.kind != "fretna" or verifier is None:
            raise PolicyError(
                f"lossless is for fretna with a verifier, not for {checkpoint.kind} alone"
            )
        return LosslessTranslator(
            _slot_network(checkpoint).from_checkpoint(checkpoint, device),
            _load_verifier(verifier, tokenizer, device),
            tokenizer,
        )
    if checkpoint.kind == "fretna":
        return _load_fretna(checkpoint, tokenizer, device)
    model = AutoregressiveTransformer.from_checkpoint(checkpoint, device)
    if checkpoint.kind == "reta":
        return RetaTranslator(model, tokenizer, policy)
    return WaitKTranslator(model.config, tokenizer, lambda: Writer(model), wait=policy.wait)


def _load_fretna(checkpoint: Checkpoint, tokenizer: Tokenizer, device: str) -> Translator:
    model = _slot_network(checkpoint).from_checkpoint(checkpoint, device)
    if isinstance(model, StreamFretna):
        return StreamFretnaTranslator(model.config, tokenizer, lambda: SlotWindow(model))
    return FretnaTranslator(model, tokenizer)


def _slot_network(checkpoint: Checkpoint) -> type[Fretna] | type[StreamFretna]:
    return StreamFretna if checkpoint.config.get("form") == "stream" else Fretna


def _load_verifier(directory: Path, tokenizer: Tokenizer, device: str) -> AutoregressiveTransformer:
    checkpoint = read_checkpoint(directory).expect("reta")
    if checkpoint.tokenizer != tokenizer.model:
        raise CheckpointError(f"{directory}: its tokeniser is not that of the model it verifies")
    return AutoregressiveTransformer.from_checkpoint(checkpoint, device)
