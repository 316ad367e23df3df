"""Our figures are those of the public tools, to 1e-6."""

import json
import random
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sacrebleu

from app.evaluation.translation import evaluate_translation
from engine.evaluation import Trace, score, word_schedule
from engine.metrics import revision_delays
from engine.policies.config import PolicyConfig
from engine.policies.loader import load_translator
from engine.stability import StabilityConfig, StableTarget, settle
from engine.translator import Translator
from models.checkpoint import save_checkpoint
from tests.environments import ROOT, python_with
from tests.models.translators import SENTENCES, autoregressive, tokenizer
from tests.patience import TIMEOUT_S

exactly = partial(pytest.approx, rel=0, abs=1e-6)


def measure(*arguments: str, given: object = None) -> dict[str, Any]:
    """What the tools say, as `tests/public_tools/measure.py` prints it."""
    done = subprocess.run(
        [python_with("tools"), ROOT / "tests" / "public_tools" / "measure.py", *arguments],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def random_trace(rng: random.Random) -> Trace:
    """A sentence whose output grows, is revised, shrinks, and is sometimes too long or short."""
    words = [f"w{rng.randrange(1000)}" for _ in range(rng.randint(1, 15))]
    reference = " ".join("r" for _ in range(rng.randint(1, 15)))
    trace = Trace(" ".join(words), reference)
    shown: tuple[str, ...] = ()
    for n_read in range(1, len(words) + 1):
        kept = shown[: rng.randint(max(0, len(shown) - 3), len(shown))]
        new = tuple(rng.choice("abc") for _ in range(rng.randint(0, 3)))
        shown = kept + new or ("a",)
        trace.revisions.append((float(n_read), shown))
    return trace


def test_metrics_of_revised_outputs_are_those_of_simuleval_sltev_and_simulstream() -> None:
    rng = random.Random(7)
    traces = [random_trace(rng) for _ in range(60)]
    delays = [revision_delays(trace.revisions) for trace in traces]
    sentences = [
        {
            "source": trace.source,
            "reference": trace.reference,
            "delays": delay,
            "revisions": [(int(read), " ".join(shown)) for read, shown in trace.revisions],
        }
        for trace, delay in zip(traces, delays, strict=True)
    ]
    theirs, ours = measure("revisions", given=sentences), score(traces)
    for name, value in theirs["simuleval"].items():
        assert getattr(ours, name) == exactly(value), name
    assert ours.ne == exactly(theirs["sltev"])
    assert ours.ne == exactly(theirs["simulstream"]["ne"])
    assert delays == theirs["simulstream"]["delays"]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for kind in ("reta", "wait-k"):
        model = autoregressive(kind)
        directory = tmp_path / "models" / kind
        save_checkpoint(directory, model.config.to_dict(), model, tokenizer().model)
    return tmp_path / "models"


def as_committed(translator: Translator, source: str) -> Trace:
    """The words of a policy at the time when they committed."""
    trace, state, session = Trace(source, ""), StableTarget(), translator.start()
    words = source.split()
    for n_read in word_schedule(words):
        finished, prefix = n_read == len(words), " ".join(words[:n_read])
        hypothesis = session.update(prefix, finished=finished, committed=state.committed)
        state = settle(
            state, hypothesis, evidence=prefix, finished=finished, config=StabilityConfig()
        )
        trace.revisions.append((float(n_read), state.committed))
    return trace


@pytest.mark.parametrize("options", [("wait-k", "--wait", "2"), ("reta",)], ids=" ".join)
def test_simuleval_runs_our_policies_and_agrees_about_them(
    models: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    sources, references = SENTENCES[::2], SENTENCES[1::2]
    for name, lines in (("source.txt", sources), ("target.txt", references)):
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    theirs = measure(
        *("simuleval", "--agent", str(ROOT / "app" / "simuleval_agent.py")),
        *("--source", str(tmp_path / "source.txt"), "--target", str(tmp_path / "target.txt")),
        *("--latency-metrics", "AL", "LAAL", "DAL", "AP", "--no-progress-bar"),
        *("--models", str(models), "--translator", *options),
    )
    translator = load_translator(models / options[0], policy=PolicyConfig(wait=2))
    traces = [as_committed(translator, source) for source in sources]
    assert theirs["predictions"] == [" ".join(trace.final) for trace in traces]
    assert theirs["delays"] == [revision_delays(trace.revisions) for trace in traces]
    bleu = sacrebleu.corpus_bleu(theirs["predictions"], [references]).score
    assert theirs["BLEU"] == exactly(bleu)
    if options[0] == "wait-k":  # all that it shows is committed
        pairs = list(zip(sources, references, strict=True))
        ours = evaluate_translation(translator, pairs)
        for name in ("BLEU", "AL", "LAAL", "DAL", "AP"):
            assert ours[name.lower()] == exactly(theirs[name]), name
