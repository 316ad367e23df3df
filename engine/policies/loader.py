"""Which policy a checkpoint becomes."""

from functools import partial
from pathlib import Path

from engine.policies.config import PolicyConfig, PolicyError
from engine.policies.exported import ExportedRetaTranslator
from engine.policies.fretna import FretnaTranslator
from engine.policies.lossless import LosslessTranslator
from engine.policies.reta import RetaTranslator
from engine.policies.stream import StreamFretnaTranslator
from engine.policies.wait_k import WaitKTranslator
from engine.translator import Translator
from models.autoregressive import AutoregressiveTransformer
from models.checkpoint import read_checkpoint
from models.errors import CheckpointError
from models.export.engine import MODEL_FOLDER
from models.fretna import Fretna
from models.stream_fretna import SlotWindow, StreamFretna
from models.tokenizer import Tokenizer


def load_translator(
    directory: Path,
    *,
    device: str = "cpu",
    policy: PolicyConfig | None = None,
    verifier: Path | None = None,
) -> Translator:
    """The translator of a checkpoint folder.

    Args:
        directory: a `fretna`, `reta` or `wait-k` checkpoint, or an exported `reta`.
        device: where the network runs.
        policy: how it decodes.
        verifier: the `reta` checkpoint that makes FReTNA lossless.

    Raises:
        CheckpointError: a checkpoint is missing, damaged or of another kind, or the two do not
            belong together.
        PolicyError: lossless was asked for, but the checkpoint is not FReTNA or has no verifier.
    """
    policy = policy or PolicyConfig()
    if (directory / MODEL_FOLDER).is_dir():
        return ExportedRetaTranslator(directory, policy)
    checkpoint = read_checkpoint(directory).expect("fretna", "reta", "wait-k")
    tokenizer = Tokenizer(checkpoint.tokenizer)
    if policy.lossless and (checkpoint.kind != "fretna" or verifier is None):
        raise PolicyError(
            f"lossless is for fretna with a verifier, not for {checkpoint.kind} alone"
        )
    if checkpoint.kind == "fretna":
        form = StreamFretna if checkpoint.config.get("form") == "stream" else Fretna
        drafter = form.from_checkpoint(checkpoint, device)
        if policy.lossless and verifier is not None:
            return LosslessTranslator(
                drafter, _load_verifier(verifier, tokenizer, device), tokenizer
            )
        if isinstance(drafter, StreamFretna):
            return StreamFretnaTranslator(drafter.config, tokenizer, partial(SlotWindow, drafter))
        return FretnaTranslator(drafter, tokenizer)
    model = AutoregressiveTransformer.from_checkpoint(checkpoint, device)
    if checkpoint.kind == "reta":
        return RetaTranslator(model, tokenizer, policy)
    return WaitKTranslator(model, tokenizer, wait=policy.wait)


def _load_verifier(directory: Path, tokenizer: Tokenizer, device: str) -> AutoregressiveTransformer:
    checkpoint = read_checkpoint(directory).expect("reta")
    if checkpoint.tokenizer != tokenizer.model:
        raise CheckpointError(f"{directory}: its tokeniser is not that of the model it verifies")
    return AutoregressiveTransformer.from_checkpoint(checkpoint, device)
