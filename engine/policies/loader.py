"""Which policy a checkpoint becomes."""

from pathlib import Path

from engine.policies.config import PolicyConfig
from engine.policies.fretna import FretnaTranslator
from engine.policies.reta import RetaTranslator
from engine.policies.wait_k import WaitKTranslator
from engine.translator import Translator
from models.autoregressive import AutoregressiveTransformer
from models.checkpoint import read_checkpoint
from models.fretna import Fretna
from models.tokenizer import Tokenizer


def load_translator(
    directory: Path, *, device: str = "cpu", policy: PolicyConfig | None = None
) -> Translator:
    """The translator of a checkpoint folder.

    Args:
        directory: a `fretna`, `reta` or `wait-k` checkpoint.
        device: where the network runs.
        policy: how it decodes.

    Raises:
        CheckpointError: the checkpoint is missing, damaged or of another kind.
    """
    policy = policy or PolicyConfig()
    checkpoint = read_checkpoint(directory).expect("fretna", "reta", "wait-k")
    tokenizer = Tokenizer(checkpoint.tokenizer)
    if checkpoint.kind == "fretna":
        return FretnaTranslator(Fretna.from_checkpoint(checkpoint, device), tokenizer)
    model = AutoregressiveTransformer.from_checkpoint(checkpoint, device)
    if checkpoint.kind == "reta":
        return RetaTranslator(model, tokenizer, policy)
    return WaitKTranslator(model, tokenizer, wait=policy.wait)
