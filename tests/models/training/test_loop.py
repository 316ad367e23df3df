import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.training.loop import Report, TrainingLoop
from models.training.loop_config import LoopConfig
from models.training.muon import orthogonalize
from models.training.optimizers import make_optimizers


class LineTask:
    """Fits a line; fails at a given step to play a run that is killed."""

    score_name = "error"
    higher_is_better = False

    def __init__(self, fail_at: int | None = None, dropout: float = 0.2) -> None:
        torch.manual_seed(0)
        self.model: nn.Module = nn.Sequential(nn.Linear(2, 4), nn.Dropout(dropout), nn.Linear(4, 1))
        self.fail_at = fail_at
        self.n_losses = 0

    def batches(self, epoch: int) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(epoch)
        for _ in range(7):
            yield torch.rand(8, 2, generator=generator)

    def prepare(self, plan: Tensor) -> Tensor:
        return plan + 1.0

    def loss(self, batch: Tensor, progress: float) -> tuple[Tensor, float]:
        self.n_losses += 1
        if self.n_losses == self.fail_at:
            raise KeyboardInterrupt
        target = batch @ torch.tensor([[2.0], [-1.0]])
        return ((self.model(batch) - target) ** 2).mean(), float(len(batch))

    def evaluate(self) -> dict[str, float]:
        batch = torch.ones(1, 2)
        return {"error": abs(float(self.model(batch)) - 1.0)}

    def save(self, directory: Path, scores: dict[str, float]) -> None:
        directory.mkdir(exist_ok=True)
        (directory / "scores.json").write_text(json.dumps(scores))


def config(**changes: Any) -> LoopConfig:
    values: dict[str, Any] = {
        "max_steps": 24,
        "warmup_steps": 3,
        "peak_lr": 0.05,
        "evaluate_every_steps": 8,
        "log_every_steps": 4,
        "checkpoint_every_s": 0.0,
        "precision": "fp32",
        **changes,
    }
    return LoopConfig(**values)


def weights(task: LineTask) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in task.model.parameters()]


@pytest.mark.parametrize("fail_at", [2, 5, 12, 20])
@pytest.mark.parametrize(("accumulate", "workers"), [(1, 0), (2, 0), (1, 2)])
def test_a_run_that_was_stopped_ends_like_one_that_was_not(
    tmp_path: Path, fail_at: int, accumulate: int, workers: int
) -> None:
    settings = config(accumulate=accumulate, workers=workers, evaluate_every_steps=100)
    whole = LineTask()
    TrainingLoop(whole, settings, tmp_path / "whole").run()
    stopped = LineTask(fail_at=fail_at)
    with pytest.raises(KeyboardInterrupt):
        TrainingLoop(stopped, settings, tmp_path / "parts").run()
    resumed = LineTask()
    TrainingLoop(resumed, settings, tmp_path / "parts").run()
    for expected, actual in zip(weights(whole), weights(resumed), strict=True):
        torch.testing.assert_close(actual, expected)


def test_training_lowers_the_loss_and_keeps_the_best_checkpoint(tmp_path: Path) -> None:
    reports: list[Report] = []
    task = LineTask(dropout=0.0)
    TrainingLoop(
        task, config(max_steps=80, optimizer="adamw"), tmp_path, report=reports.append
    ).run()
    losses = [report.loss for report in reports if not report.scores]
    assert losses[-1] < losses[0] / 3
    errors = [report.scores["error"] for report in reports if report.scores]
    saved = json.loads((tmp_path / "best" / "scores.json").read_text())
    assert saved["error"] == min(errors)


def test_the_log_and_the_plot_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    TrainingLoop(LineTask(), config(), tmp_path).run()
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if "loss" in entry] == [4, 8, 12, 16, 20, 24]
    assert (tmp_path / "loss.png").stat().st_size > 1000


def test_a_finished_run_does_not_train_on(tmp_path: Path) -> None:
    TrainingLoop(LineTask(), config(), tmp_path).run()
    again = LineTask()
    TrainingLoop(again, config(), tmp_path).run()
    assert again.n_losses == 0


def test_the_learning_rate_warms_up_and_decays(tmp_path: Path) -> None:
    rates: list[float] = []
    TrainingLoop(
        LineTask(),
        config(log_every_steps=1),
        tmp_path,
        report=lambda report: rates.append(report.learning_rate) if not report.scores else None,
    ).run()
    peak = rates.index(max(rates))
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] < 0.1 * max(rates)


def test_a_gradient_that_is_not_finite_is_skipped(tmp_path: Path) -> None:
    class Broken(LineTask):
        def loss(self, batch: Tensor, progress: float) -> tuple[Tensor, float]:
            loss, units = super().loss(batch, progress)
            return (loss * math.nan if self.n_losses == 3 else loss), units

    task = Broken()
    TrainingLoop(task, config(), tmp_path).run()
    assert all(bool(torch.isfinite(weight).all()) for weight in weights(task))


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_the_optimizers_hold_every_parameter_once(optimizer: str) -> None:
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 3), nn.LayerNorm(3))
    optimizers = make_optimizers(model, config(optimizer=optimizer))
    held = [id(p) for o in optimizers for group in o.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())


@pytest.mark.parametrize("shape", [(6, 6), (4, 12), (12, 4), (3, 4, 12)])
def test_orthogonalizing_brings_singular_values_near_one(shape: tuple[int, ...]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonalize(matrix))
    assert float(values.min()) > 0.5
    assert float(values.max()) < 1.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_steps": 0}, "max_steps"),
        ({"precision": "fp8"}, "precision"),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"accumulate": 0}, "accumulate"),
        ({"workers": -1}, "workers"),
    ],
)
def test_bad_settings_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**change)
