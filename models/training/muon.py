"""Muon: momentum whose matrix steps are orthogonalised (Jordan et al. 2024).

Torch ships Muon, but orthogonalises in bfloat16, which CPUs without bf16 units emulate at a tenth
of fp32's speed; here the precision is that of the parameters.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the Newton-Schulz iteration, from the authors' write-up."""


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; for matrices (out, in) only.

    The step is scaled by 0.2·sqrt(max(out, in)), so that its size equals AdamW's and both share
    one learning rate (Liu et al. 2025, arXiv 2502.16982).
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        n_iterations: int = 5,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self._n_iterations = n_iterations

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One step from the gradients; `closure` is not supported."""
        assert closure is None, "Muon takes no closure"
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(state["momentum"], group["momentum"])
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                scale = 0.2 * math.sqrt(max(parameter.shape))
                step = orthogonalize(update, self._n_iterations)
                parameter.add_(step, alpha=-group["lr"] * scale)


def orthogonalize(matrix: Tensor, n_iterations: int = 5) -> Tensor:
    """Nearly the closest semi-orthogonal matrix, by Newton-Schulz iterations."""
    a, b, c = _QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(n_iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.T if tall else x
    return result
