"""Muon: momentum whose matrix steps are orthogonalised (Jordan et al. 2024).

Torch ships Muon, but orthogonalises one matrix at a time and in bfloat16 always, which CPUs
without bf16 units emulate at a tenth of fp32's speed. Here matrices of one shape go together, in
the precision that the training run uses.
"""

import math
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the Newton-Schulz iteration, from the authors' write-up."""


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; for matrices (out, in) only.

    The step is scaled by 0.2·sqrt(max(out, in)), so that its size equals AdamW's and both share
    one learning rate (Liu et al. 2025, arXiv 2502.16982).

    Args:
        dtype: precision of the orthogonalisation, in which bfloat16 is enough.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        n_iterations: int = 5,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self._n_iterations = n_iterations
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One step from the gradients; `closure` is not supported."""
        assert closure is None, "Muon takes no closure"
        for group in self.param_groups:
            moving = [parameter for parameter in group["params"] if parameter.grad is not None]
            moving.sort(key=_shape)
            for shape, alike in groupby(moving, key=_shape):
                parameters = list(alike)
                updates = torch.stack(
                    [self._momentum(one, group["momentum"]) for one in parameters]
                )
                steps = orthogonalize(updates.to(self._dtype), self._n_iterations)
                scale = 0.2 * math.sqrt(max(shape))
                for parameter, step in zip(parameters, steps, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(step, alpha=-group["lr"] * scale)

    def _momentum(self, parameter: Tensor, momentum: float) -> Tensor:
        assert parameter.grad is not None
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(state["momentum"], momentum)


def _shape(parameter: Tensor) -> tuple[int, ...]:
    return tuple(parameter.shape)


def orthogonalize(matrices: Tensor, n_iterations: int = 5) -> Tensor:
    """Nearly the closest semi-orthogonal matrices (…, out, in), by Newton-Schulz iterations."""
    a, b, c = _QUINTIC
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for _ in range(n_iterations):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.mT if tall else x
    return result
