"""A checkpoint's folder: `model.safetensors`, `config.json` and the tokeniser.

`config.json` says what the checkpoint is: `kind`, the languages, and the sizes of the network.
Nothing is unpickled.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from models.errors import CheckpointError, StaleExportError

if TYPE_CHECKING:
    import torch  # not imported: exported networks are read without torch
    from torch import Tensor, nn

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.model"

_N_BLOCKS = 64
_BLOCK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint folder holds: its configuration, tensors on the CPU, and tokeniser."""

    directory: Path
    config: Mapping[str, Any]
    tensors: "Mapping[str, Tensor]"
    tokenizer: bytes

    @property
    def kind(self) -> str:
        """What the checkpoint is: `reta`, `wait-k`, `fretna`, `owsm-ctc`."""
        return str(self.config.get("kind", ""))

    def expect(self, *kinds: str) -> "Checkpoint":
        """This checkpoint, if it is of one of the kinds.

        Raises:
            CheckpointError: it is of another kind.
        """
        if self.kind not in kinds:
            raise CheckpointError(
                f"{self.directory}: is a {self.kind or 'nameless'} checkpoint, "
                f"not {' or '.join(kinds)}"
            )
        return self

    def load_into(self, model: "nn.Module") -> None:
        """Copy the tensors into a model, strictly; half precision is widened to the model's.

        Raises:
            CheckpointError: a tensor is missing, not known to the model, or of another shape.
        """
        state = model.state_dict()
        for name in state.keys() - self.tensors.keys():
            raise CheckpointError(f"{self.directory}: tensor {name} is missing")
        for name in self.tensors.keys() - state.keys():
            raise CheckpointError(f"{self.directory}: tensor {name} is not part of the model")
        for name, tensor in self.tensors.items():
            if tensor.shape != state[name].shape:
                raise CheckpointError(
                    f"{self.directory}: tensor {name} has shape {tuple(tensor.shape)}, "
                    f"the model wants {tuple(state[name].shape)}"
                )
        model.load_state_dict(dict(self.tensors))


def save_checkpoint(
    directory: Path,
    config: Mapping[str, Any],
    model: "nn.Module",
    tokenizer: bytes,
    *,
    dtype: "torch.dtype | None" = None,
) -> None:
    """Write a checkpoint folder; floating-point tensors are stored as `dtype`, float32 if None."""
    import torch
    from safetensors.torch import save_file

    dtype = dtype or torch.float32
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).contiguous().cpu()
        for name, tensor in model.state_dict().items()
    }
    (directory / CONFIG_FILE).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (directory / TOKENIZER_FILE).write_bytes(tokenizer)
    save_file(tensors, directory / WEIGHTS_FILE)


def read_config(directory: Path) -> dict[str, Any]:
    """The configuration of a checkpoint folder.

    Raises:
        CheckpointError: the folder or its config.json is missing, or not a JSON object.
    """
    path = directory / CONFIG_FILE
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise CheckpointError(f"{path}: not JSON ({error})") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: not a JSON object")
    return config


def read_checkpoint(directory: Path) -> Checkpoint:
    """Read a checkpoint folder into memory.

    Raises:
        CheckpointError: a file is missing, truncated or not what it should be.
    """
    config = read_config(directory)
    weights = directory / WEIGHTS_FILE
    try:
        with safe_open(weights, framework="pt", device="cpu") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
        tokenizer = (directory / TOKENIZER_FILE).read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(f"{error.filename or weights}: is missing") from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{weights}: damaged or truncated ({error})") from error
    return Checkpoint(directory, config, tensors, tokenizer)


def weights_fingerprint(path: Path) -> str:
    """A short name of a weights file's content, to tell whether something was made of it.

    Of large files only evenly spaced blocks are read: training changes every one of them.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for index in range(_N_BLOCKS):
            file.seek(index * max(size - _BLOCK_BYTES, 0) // (_N_BLOCKS - 1))
            digest.update(file.read(_BLOCK_BYTES))
    return digest.hexdigest()


def check_origin(exported: Path, fingerprint: str | None, directory: Path) -> None:
    """Refuse a network that was made of other weights than those in its checkpoint's folder.

    Args:
        exported: the network.
        fingerprint: of the weights that it was made of; None if it does not say.
        directory: the folder; without weights in it there is nothing to compare.

    Raises:
        StaleExportError: they are others.
    """
    weights = directory / WEIGHTS_FILE
    if weights.exists() and fingerprint != weights_fingerprint(weights):
        raise StaleExportError(
            f"{exported}: was made of other weights than those beside it; make it again: "
            f"dragoman export {directory}"
        )
