"""The training loop: one for every kind of model.

A task brings the model, its batches, its loss and its development score; the loop brings
optimisation, schedule, progress, and checkpoints from which a run continues as if it had never
been stopped: kill it at any moment and start it again with the same arguments.

A run folder holds `last.pt` (tensors and plain values, loaded with `weights_only`), `best/` (the
checkpoint with the best development score, as the task saves it), `log.jsonl` and `loss.png`.
"""

import itertools
import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from models.training.loop_config import LoopConfig
from models.training.optimizers import make_optimizers, use_bf16
from models.training.plot import plot_log
from models.training.prefetch import prepared

PlanT = TypeVar("PlanT")
BatchT = TypeVar("BatchT")
_log = logging.getLogger(__name__)


class TrainingTask(Protocol[PlanT, BatchT]):
    """What the loop needs to know of a model and its data.

    A batch is made in two steps: its plan, which takes no time, says what is in it; preparing it
    reads, changes and pads, and may happen in another process.
    """

    @property
    def model(self) -> nn.Module:
        """The network that learns."""
        ...

    score_name: str
    """Key of the development score that decides which checkpoint is the best."""
    higher_is_better: bool

    def batches(self, epoch: int) -> Iterator[PlanT]:
        """Plans of an epoch's batches; the same epoch gives the same ones in the same order."""
        ...

    def prepare(self, plan: PlanT) -> BatchT:
        """The batch of a plan, on the CPU; the same plan gives the same batch."""
        ...

    def loss(self, batch: BatchT, progress: float) -> tuple[Tensor, float]:
        """Mean loss of a batch, and how many units (tokens, seconds) it holds.

        Args:
            batch: from `prepare`.
            progress: part of the schedule that is done, 0 to 1.
        """
        ...

    def evaluate(self) -> dict[str, float]:
        """Scores on the development set; the model is in evaluation mode, without gradients."""
        ...

    def save(self, directory: Path, scores: dict[str, float]) -> None:
        """Write the model as a checkpoint that the program can load."""
        ...


@dataclass(slots=True)
class Progress:
    """Where a run stands; stored in its checkpoint."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of the epoch that are done."""
    trained_s: float = 0.0
    units: float = 0.0
    best: float | None = None


@dataclass(slots=True)
class Report:
    """What the loop tells while it runs."""

    step: int
    epoch: int
    done: float
    """Part of the schedule that is done, 0 to 1."""
    loss: float
    learning_rate: float
    units_per_s: float
    left_s: float
    scores: dict[str, float] = field(default_factory=dict)


class TrainingLoop(Generic[PlanT, BatchT]):
    """Trains a task's model in a run folder, from its last checkpoint if it has one."""

    def __init__(
        self,
        task: TrainingTask[PlanT, BatchT],
        config: LoopConfig,
        run_dir: Path,
        *,
        device: str = "cpu",
        report: Callable[[Report], None] = lambda report: None,
    ) -> None:
        self._task = task
        self._config = config
        self._dir = run_dir
        self._device = device
        self._report = report
        if config.threads > 0:
            torch.set_num_threads(config.threads)
        self._bf16 = use_bf16(config.precision, device)
        task.model.to(device)
        self._optimizers = make_optimizers(
            task.model, config, torch.bfloat16 if self._bf16 else torch.float32
        )
        self._progress = Progress()
        self._clock = time.monotonic()
        run_dir.mkdir(parents=True, exist_ok=True)
        self._resume()

    def run(self) -> None:
        """Train until the schedule ends; an interrupt saves the state first."""
        state, config = self._progress, self._config
        next_checkpoint_s = state.trained_s + config.checkpoint_every_s
        self._clock = time.monotonic()
        window = _Window(state)
        try:
            while self._done() < 1.0:
                for loss, units in self._steps_of_epoch():
                    window.add(loss, units)
                    if state.step % config.log_every_steps == 0:
                        self._log(window.report(state, self._done(), self._learning_rate()))
                        window = _Window(state)
                    if state.step % config.evaluate_every_steps == 0:
                        self._evaluate()
                    if state.trained_s >= next_checkpoint_s:
                        self._save()
                        next_checkpoint_s = state.trained_s + config.checkpoint_every_s
                    if self._done() >= 1.0:
                        break
                else:
                    state.epoch += 1
                    state.batch = 0
        except KeyboardInterrupt:
            self._save()  # of the last whole step
            raise
        self._evaluate()
        self._save()
        plot_log(self._dir)

    def _steps_of_epoch(self) -> Iterator[tuple[float, float]]:
        """One optimiser step after the other: mean loss and units of each."""
        state, config = self._progress, self._config
        plans = itertools.islice(self._task.batches(state.epoch), state.batch, None)
        batches = prepared(self._task.prepare, plans, config.workers)
        while group := list(itertools.islice(batches, config.accumulate)):
            torch.manual_seed(config.seed * 1_000_003 + state.step)
            self._task.model.train()
            total, units = 0.0, 0.0
            for batch in group:
                with torch.autocast(self._device, torch.bfloat16, enabled=self._bf16):
                    loss, n_units = self._task.loss(batch, self._done())
                (loss / len(group)).backward()  # type: ignore[no-untyped-call]
                total, units = total + float(loss.detach()), units + n_units
            state.batch += len(group)
            self._step()
            yield total / len(group), units

    def _step(self) -> None:
        norm = nn.utils.clip_grad_norm_(self._task.model.parameters(), self._config.clip_norm)
        finite = bool(torch.isfinite(norm))
        if not finite:
            _log.warning("step %d skipped: gradient is not finite", self._progress.step)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self._learning_rate()
            if finite:
                optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        now = time.monotonic()
        self._progress.trained_s += now - self._clock
        self._clock = now
        self._progress.step += 1

    def _done(self) -> float:
        config, state = self._config, self._progress
        by_steps = state.step / config.max_steps if config.max_steps > 0 else 0.0
        by_time = state.trained_s / 60 / config.max_minutes if config.max_minutes > 0 else 0.0
        return min(1.0, max(by_steps, by_time))

    def _learning_rate(self) -> float:
        """Linear warm-up, then a cosine down to `final_lr_ratio` of the peak."""
        config = self._config
        warmup = min(1.0, (self._progress.step + 1) / max(1, config.warmup_steps))
        cosine = 0.5 * (1 + math.cos(math.pi * self._done()))
        floor = config.final_lr_ratio
        return config.peak_lr * warmup * (floor + (1 - floor) * cosine)

    def _evaluate(self) -> None:
        model, state = self._task.model, self._progress
        model.eval()
        with torch.inference_mode():
            scores = self._task.evaluate()
        model.train()
        score = scores[self._task.score_name]
        sign = 1 if self._task.higher_is_better else -1
        if state.best is None or sign * score > sign * state.best:
            state.best = score
            self._task.save(self._dir / "best", scores)
        self._log(Report(state.step, state.epoch, self._done(), math.nan, 0.0, 0.0, 0.0, scores))
        self._save()
        plot_log(self._dir)
        self._clock = time.monotonic()  # evaluation is not training time

    def _log(self, report: Report) -> None:
        entry: dict[str, Any] = {"step": report.step, "epoch": report.epoch, "done": report.done}
        if report.scores:
            entry["scores"] = report.scores
        else:
            entry |= {"loss": report.loss, "lr": report.learning_rate, "rate": report.units_per_s}
        with (self._dir / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self._report(report)

    def _save(self) -> None:
        state = self._progress
        temporary = self._dir / "last.pt.tmp"
        torch.save(
            {
                "model": self._task.model.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
                "progress": {name: getattr(state, name) for name in Progress.__slots__},
            },
            temporary,
        )
        temporary.replace(self._dir / "last.pt")

    def _resume(self) -> None:
        path = self._dir / "last.pt"
        if not path.exists():
            return
        saved = torch.load(path, map_location=self._device, weights_only=True)
        self._task.model.load_state_dict(saved["model"])
        for optimizer, state in zip(self._optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self._progress = Progress(**saved["progress"])
        _log.info("resumed %s at step %d", path, self._progress.step)


class _Window:
    """Running sums between two reports."""

    def __init__(self, state: Progress) -> None:
        self._started_s = state.trained_s
        self._loss, self._units, self._n = 0.0, 0.0, 0

    def add(self, loss: float, units: float) -> None:
        self._loss, self._units, self._n = self._loss + loss, self._units + units, self._n + 1

    def report(self, state: Progress, done: float, learning_rate: float) -> Report:
        took_s = max(1e-6, state.trained_s - self._started_s)
        left_s = state.trained_s * (1 - done) / done if done > 0 else math.inf
        return Report(
            step=state.step,
            epoch=state.epoch,
            done=done,
            loss=self._loss / max(1, self._n),
            learning_rate=learning_rate,
            units_per_s=self._units / took_s,
            left_s=left_s,
        )
