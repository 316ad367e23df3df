"""Checkpoints, in the layout of this project and in that of the public OWSM-CTC repositories.

Folders of this project are read and written in `models.checkpoint_folder`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from models.checkpoint_folder import (
    CONFIG_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    Checkpoint,
    check_origin,
    read_checkpoint,
    read_config,
    save_checkpoint,
    weights_fingerprint,
)
from models.errors import CheckpointError

if TYPE_CHECKING:
    import torch  # not imported: exported networks are read without torch

    from models.owsm_ctc.model import OwsmCtc

__all__ = [
    "CONFIG_FILE",
    "TOKENIZER_FILE",
    "WEIGHTS_FILE",
    "Checkpoint",
    "CheckpointError",
    "check_origin",
    "load_espnet",
    "read_checkpoint",
    "read_config",
    "save_checkpoint",
    "weights_fingerprint",
]


def load_espnet(directory: Path, device: "torch.device | str" = "cpu") -> "OwsmCtc":
    """Load a public OWSM-CTC repository in ESPnet's layout; see `models.espnet.load_espnet`.

    Raises:
        CheckpointError: a file is missing or damaged, the configuration is not supported, or a
            tensor is missing, extra or misshapen.
    """
    from models.espnet import load_espnet as load

    return load(directory, device)
