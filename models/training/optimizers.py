"""The optimisers of a training run, and its precision."""

import time

import torch
from torch import nn

from models.training.loop_config import LoopConfig
from models.training.muon import Muon


def use_bf16(precision: str, device: str) -> bool:
    """Whether to train under bf16 autocast.

    CPUs without AMX or AVX512-BF16 emulate bf16 at a tenth of fp32's speed, so `auto` measures.
    """
    if precision != "auto":
        return precision == "bf16"
    if device != "cpu":
        return True
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.ones(512, 512, dtype=dtype), torch.ones(512, 512, dtype=dtype)
        torch.mm(a, b)
        start = time.perf_counter()
        for _ in range(5):
            torch.mm(a, b)
        seconds[dtype] = time.perf_counter() - start
    return seconds[torch.bfloat16] * 1.3 < seconds[torch.float32]


def make_optimizers(
    model: nn.Module, config: LoopConfig, dtype: torch.dtype = torch.float32
) -> list[torch.optim.Optimizer]:
    """The optimisers of a run: together they hold every parameter once.

    Weight decay is for matrices only, not for biases, norms and scales.

    Args:
        dtype: precision of Muon's matrix products.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    muon = [
        p
        for p in parameters
        if config.optimizer == "muon" and p.dim() == 2 and id(p) not in embeddings
    ]
    by_muon = {id(p) for p in muon}
    rest = [p for p in parameters if id(p) not in by_muon]
    groups = [
        {"params": [p for p in rest if p.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in rest if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=config.peak_lr, betas=config.betas, fused=True)
    ]
    if muon:
        optimizers.append(
            Muon(muon, lr=config.peak_lr, weight_decay=config.weight_decay, dtype=dtype)
        )
    return optimizers
