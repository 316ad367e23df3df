"""Which policy a checkpoint becomes."""

from pathlib import Path

from engine.policies.config import PolicyConfig, PolicyError
from engine.policies.exported import is_exported, load_exported
from engine.translator import Translator
from models.checkpoint import WEIGHTS_FILE


def load_translator(
    directory: Path,
    *,
    device: str = "cpu",
    policy: PolicyConfig | None = None,
    verifier: Path | None = None,
    n_threads: int = 1,
) -> Translator:
    """The translator of a checkpoint folder.

    An exported one runs on its own engine, without torch, unless a GPU is wanted and the folder
    has the weights, too.

    Args:
        directory: a `fretna`, `reta` or `wait-k` checkpoint, or an exported one.
        device: where the network runs.
        policy: how it decodes.
        verifier: the `reta` checkpoint that makes FReTNA lossless.
        n_threads: of an exported network; those of torch are set for the whole program.

    Raises:
        CheckpointError: a checkpoint is missing, damaged or of another kind, or the two do not
            belong together.
        PolicyError: lossless was asked for, but the checkpoint is not FReTNA or has no verifier.
    """
    policy = policy or PolicyConfig()
    suits = device == "cpu" or not (directory / WEIGHTS_FILE).exists()
    if is_exported(directory) and suits:
        if policy.lossless:
            raise PolicyError("lossless is for fretna with a verifier, not for exported models")
        return load_exported(directory, policy, n_threads=n_threads)
    from engine.policies.networks import load_network  # torch is not imported otherwise

    return load_network(directory, device, policy, verifier, n_threads)
