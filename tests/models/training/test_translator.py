import gzip
import math
import tomllib
from pathlib import Path

import pytest
import torch

from engine.policies.config import PolicyConfig
from engine.policies.loader import load_translator
from models.checkpoint import read_checkpoint
from models.slots import HIDDEN
from models.training import translator
from models.training.distillation import distill
from models.training.fretna import glance
from models.training.loop import TrainingLoop
from models.training.loop_config import LoopConfig
from models.training.translation_data import read_pairs
from models.training.translator import make_task
from models.training.warm_start import warm_start
from models.translator_config import FORMS
from tests.models.translators import SENTENCES, tokenizer

CONFIGS = Path(translator.__file__).parent / "configs"
PAIRS = list(zip(SENTENCES[::2], SENTENCES[1::2], strict=True))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with gzip.open(tmp_path / "toy.en-de.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"{source}\t{target}\n" for source, target in PAIRS)
    return tmp_path


def tables(system: str) -> dict[str, dict[str, object]]:
    """Settings of a kind of translator, or of a form of FReTNA."""
    kind, form = ("fretna", system) if system in FORMS else (system, "ctc")
    return {
        "model": {
            "kind": kind,
            "form": form,
            "source_lang": "en",
            "target_lang": "de",
            "d_model": 48,
            "d_ff": 96,
            "n_encoder_layers": 2,
            "n_decoder_layers": 2,
            "dropout": 0.0,
            "max_tokens": 60,
            "upsampling": 3,
        },
        "data": {
            "train": ["toy.en-de.tsv.gz"],
            "dev": ["toy.en-de.tsv.gz"],
            "prefix_ratio": 0.0,
            "spoken_ratio": 0.5,
        },
    }


def train(system: str, data: Path, n_steps: int, **settings: object) -> Path:
    torch.set_num_threads(1)
    task = make_task({**tables(system), "task": settings}, data, tokenizer())
    config = LoopConfig(
        max_steps=n_steps,
        warmup_steps=10,
        peak_lr=6e-3,
        evaluate_every_steps=n_steps,
        log_every_steps=20,
        precision="fp32",
    )
    TrainingLoop(task, config, data / system).run()
    return data / system / "best"


@pytest.mark.parametrize(
    ("system", "n_steps"),
    [("reta", 100), ("wait-k", 120), ("ctc", 150), ("hybrid", 150), ("levt", 250)],
)
def test_a_translator_learns_a_few_sentences_by_heart(
    system: str, n_steps: int, data: Path
) -> None:
    directory = train(system, data, n_steps)
    assert read_checkpoint(directory).config["dev"]["bleu"] > 90
    loaded = load_translator(directory, policy=PolicyConfig(wait=20, iterations=2))
    for source, target in PAIRS:
        hypothesis = loaded.start().update(source, finished=True)
        assert hypothesis.text == target


@pytest.mark.parametrize("ngram_loss", ["nmla", "eisl"])
def test_a_second_stage_learns_the_n_grams(ngram_loss: str, data: Path) -> None:
    torch.manual_seed(1)
    settings = {"ngram_loss": ngram_loss, "ngram_weight": 0.5, "glance_share": 0.0}
    task = make_task({**tables("ctc"), "task": settings}, data, tokenizer())
    (plan,) = task.batches(0)
    batch = task.prepare(plan)
    optimizer = torch.optim.Adam(task.model.parameters(), lr=3e-3)
    losses = []
    for _ in range(15):
        loss, n_tokens = task.loss(batch, 0.0)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert n_tokens == int(batch.target_lengths.sum())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    "name",
    sorted(path.name for path in CONFIGS.glob("*en_de_*.toml") if "recognizer" not in path.name),
)
def test_a_configuration_that_comes_with_it_is_one_of_a_run(name: str, data: Path) -> None:
    config = tomllib.loads((CONFIGS / name).read_text())
    assert LoopConfig(**config.pop("training")).max_minutes > 0
    config["data"] |= {"train": ["toy.en-de.tsv.gz"], "dev": ["toy.en-de.tsv.gz"]}
    config["model"] |= {"d_model": 16, "d_ff": 32, "n_heads": 2}
    task = make_task(config, data, tokenizer())
    loss, _ = task.loss(task.prepare(next(iter(task.batches(0)))), 0.0)
    assert bool(torch.isfinite(loss))


def test_distilled_pairs_are_the_teachers_translations(data: Path) -> None:
    teacher = train("reta", data, 100)
    reported: list[float] = []
    out = data / "distilled.tsv.gz"
    n_pairs = distill(teacher, [data / "toy.en-de.tsv.gz"], out, progress=reported.append)
    assert n_pairs == len(PAIRS)
    assert dict(read_pairs(out)) == dict(PAIRS)
    assert reported[-1] == 1.0


def test_people_are_believed_where_the_teacher_would_have_said_nearly_the_same(
    data: Path,
) -> None:
    teacher = train("reta", data, 100)
    source, learnt = PAIRS[0]
    altered = " ".join([*learnt.split()[:-1], PAIRS[1][1].split()[0]])
    out = data / "distilled.tsv.gz"
    with gzip.open(data / "pairs.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"{source}\t{text}\n" for text in (PAIRS[2][1], altered))
    assert altered not in (learnt, PAIRS[2][1])
    wanted = {math.inf: learnt, -1e-3: learnt, -1e3: altered}
    for keep, target in wanted.items():
        assert distill(teacher, [data / "pairs.tsv.gz"], out, keep=keep) == 1
        assert read_pairs(out) == [(source, target)], keep


def test_a_warm_start_copies_what_fits(data: Path) -> None:
    teacher = train("reta", data, 3)
    task = make_task(tables("ctc"), data, tokenizer(), init=teacher)
    tensors = read_checkpoint(teacher).tensors
    name = "encoder.layers.1.attention.qkv.weight"
    torch.testing.assert_close(task.model.state_dict()[name], tensors[name].float())
    copied = warm_start(task.model, teacher)
    assert {"embedding.weight", name} <= set(copied)


def test_glancing_reveals_more_the_more_is_wrong() -> None:
    aligned = torch.zeros(1, 40, dtype=torch.long)
    aligned[0, :2] = torch.tensor([4, 5])
    wrong, valid = torch.full((1, 40), 7), torch.arange(40)[None] < 30
    torch.manual_seed(0)
    revealed = glance(wrong, aligned, valid, 0.5)
    assert int((revealed != HIDDEN).sum()) > 5
    assert torch.equal(revealed[revealed != HIDDEN], aligned[revealed != HIDDEN])
    assert bool((revealed[:, 30:] == HIDDEN).all())
    assert bool((glance(aligned, aligned, valid, 0.5) == HIDDEN).all())


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ("model", "width", "width"),
        ("data", "trian", "trian"),
        ("model", "kind", "nonsense"),
        ("model", "form", "nonsense"),
        ("task", "max_q", "max_q"),
        ("task", "ngram_loss", "ngram_loss"),
    ],
)
def test_unknown_settings_are_named(table: str, key: str, message: str, data: Path) -> None:
    config = tables("ctc" if key == "ngram_loss" else "reta")
    config.setdefault(table, {})[key] = "nonsense"
    with pytest.raises(ValueError, match=message):
        make_task(config, data, tokenizer())
