"""Starting a model from the weights of another."""

from pathlib import Path

from torch import nn

from models.checkpoint import read_checkpoint


def warm_start(model: nn.Module, directory: Path) -> list[str]:
    """Copy the tensors of a checkpoint that fit by name and shape; returns their names.

    A Wait-k model starts from the teacher as a whole, FReTNA from its embedding and encoder: a
    fraction of the training that a random start would take.
    """
    state = model.state_dict()
    tensors = read_checkpoint(directory).tensors
    fitting = {
        name: tensor.float()
        for name, tensor in tensors.items()
        if name in state and state[name].shape == tensor.shape
    }
    model.load_state_dict(fitting, strict=False)
    return sorted(fitting)
