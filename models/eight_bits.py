"""Matrices stored in eight bits: what lets a repository carry several models.

Each row of a matrix becomes integers of −127 to 127 and a scale, its largest magnitude ÷ 127; read
back, a weight is off by at most half a step of its row. It is a form of storage only: networks
compute with what is read back, in whatever precision they run.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_SCALE_SUFFIX = ":scale"
_LEAST_COLUMNS = 64
"""Narrower matrices, such as the kernels of depthwise convolutions, gain little."""


def pack(tensors: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """Matrices (rows, columns) in eight bits, everything else in half precision."""
    import torch

    packed = {}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            packed[name] = tensor
        elif tensor.dim() == 2 and tensor.shape[1] >= _LEAST_COLUMNS:
            scale = tensor.float().abs().amax(dim=1).clamp(min=1e-12) / 127  # (rows,)
            packed[name] = (tensor.float() / scale[:, None]).round().to(torch.int8)
            packed[name + _SCALE_SUFFIX] = scale
        else:
            packed[name] = tensor.half()
    return packed


def unpack(tensors: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
    """The tensors that were packed; those that were not stay as they are."""
    scales = {name: tensors[name] for name in tensors if name.endswith(_SCALE_SUFFIX)}
    plain = {}
    for name, tensor in tensors.items():
        scale = scales.get(name + _SCALE_SUFFIX)
        if name not in scales:
            plain[name] = tensor if scale is None else tensor.float() * scale[:, None]
    return plain
