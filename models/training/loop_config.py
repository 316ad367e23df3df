"""Optimisation and schedule of a training run, as its configuration file sets them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """Optimisation and schedule of a run."""

    peak_lr: float = 2e-3
    warmup_steps: int = 400
    max_steps: int = 0
    """End of the schedule in steps; 0: no such end."""
    max_minutes: float = 0.0
    """End of the schedule in minutes of training over all parts of the run; 0: no such end."""
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    clip_norm: float = 1.0
    accumulate: int = 1
    """Batches per optimiser step."""
    final_lr_ratio: float = 0.02
    checkpoint_every_s: float = 240.0
    evaluate_every_steps: int = 1000
    log_every_steps: int = 50
    optimizer: str = "muon"
    """`muon`: Muon (Jordan et al. 2024) for the matrices of the layers, scaled to AdamW's step
    size, AdamW for the rest; `adamw`: AdamW for all."""
    precision: str = "auto"
    """`fp32`, `bf16` (autocast), or `auto`: bf16 where it is faster on this machine."""
    threads: int = 0
    """Torch threads; 0: torch's own choice."""
    workers: int = 0
    """Processes that prepare batches ahead of their use; 0: none, each is prepared when used."""
    seed: int = 1

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: a value is out of its range.
        """
        if self.max_steps <= 0 and self.max_minutes <= 0:
            raise ValueError("training: one of max_steps and max_minutes must be greater than 0")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"training: precision {self.precision!r} is not auto, fp32 or bf16")
        if self.optimizer not in ("muon", "adamw"):
            raise ValueError(f"training: optimizer {self.optimizer!r} is not muon or adamw")
        if self.accumulate < 1:
            raise ValueError(f"training: accumulate {self.accumulate} is less than 1")
        if self.workers < 0:
            raise ValueError(f"training: workers {self.workers} is less than 0")
