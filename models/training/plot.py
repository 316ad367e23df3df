"""The loss plot of a training run, drawn from its log."""

import json
from pathlib import Path


def plot_log(run_dir: Path) -> bool:
    """Draw `loss.png` from `log.jsonl`; returns whether there was anything to draw with.

    Matplotlib belongs to the extra `train`; without it a run goes on without a picture.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    log = run_dir / "log.jsonl"
    if not log.exists():
        return False
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    losses = [(entry["step"], entry["loss"]) for entry in entries if "loss" in entry]
    scores = [(entry["step"], entry["scores"]) for entry in entries if "scores" in entry]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel("step")
    if losses:
        axes.plot(*zip(*losses, strict=True), label="training loss", color="tab:blue")
        axes.set_ylabel("training loss")
    if scores:
        other = axes.twinx()
        for name in scores[0][1]:
            points = [(step, values[name]) for step, values in scores if name in values]
            other.plot(*zip(*points, strict=True), marker="o", label=name)
        other.set_ylabel("development score")
        other.legend(loc="upper right")
    figure.savefig(run_dir / "loss.png", dpi=110)
    return True
