import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.models.registry import Registry
from models.owsm_ctc.model import OwsmCtc
from models.training.recognizer import RecognizerTask
from models.training.recognizer_config import RecognizerConfig
from models.training.speech_labels import WORD_ENDS_FILE, translation_file
from models.training.speech_pack import SpeechPack
from models.training.speech_preparation import prepare_speech
from tests.models.training.speech_folder import HummingEngine, hum, write_data_folder

SETTINGS: dict[str, dict[str, Any]] = {
    "model": {
        "width": 16,
        "n_blocks": 3,
        "n_heads": 2,
        "feed_forward_width": 32,
        "gate_width": 32,
        "gate_kernel": 3,
        "merge_kernel": 3,
        "cross_attention_blocks": [1],
        "inter_ctc_blocks": [2],
        "subsampling_channels": 8,
        "prompt_width": 16,
        "prompt_heads": 2,
        "prompt_feed_forward_width": 32,
        "dropout": 0.0,
    },
    "data": {"epoch_hours": 0.01, "batch_s": 8.0, "longest_s": [3.0, 9.0], "no_speech": 0.3},
    "augmentation": {"room": 0.1},
    "loop": {"max_steps": 10},
}


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("speech")
    data = write_data_folder(root / "data")
    out = root / "out"
    prepare_speech(data, out, hours_synthetic=0.01, engines=[HummingEngine()], n_pieces=34)
    return out


@pytest.fixture
def task(speech: Path) -> RecognizerTask:
    return RecognizerTask(RecognizerConfig.from_mapping(SETTINGS), speech)


def test_the_loss_of_a_batch_is_finite_and_repeatable(task: RecognizerTask) -> None:
    plan = next(task.batches(1))
    batch = task.prepare(plan)
    loss, seconds = task.loss(batch, 0.0)
    assert torch.isfinite(loss)
    assert seconds == pytest.approx(plan.seconds, rel=0.5)
    assert task.loss(batch, 0.5)[0].item() == loss.item()


def test_a_few_steps_lower_the_loss(task: RecognizerTask) -> None:
    batch = task.prepare(next(task.batches(1)))
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=1e-2)
    losses = []
    for _ in range(8):
        loss, _ = task.loss(batch, 0.0)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_features_are_normalised_by_what_was_measured(task: RecognizerTask) -> None:
    assert task.model.frontend.std.min() > 0
    assert not torch.equal(task.model.frontend.mean, torch.zeros(80))


def test_the_scores_are_word_error_rates(task: RecognizerTask) -> None:
    task.model.eval()
    with torch.inference_mode():
        scores = task.evaluate()
    assert set(scores) == {"wer", "wer_real", "wer_synthetic"}
    assert scores["wer"] == (scores["wer_real"] + scores["wer_synthetic"]) / 2


def test_a_batch_is_transcribed_like_its_longest_row_alone(task: RecognizerTask) -> None:
    task.model.eval()
    audio = [hum(seconds).astype(np.float32) / np.float32(32768) for seconds in (0.8, 1.6)]
    with torch.inference_mode():
        assert task.transcribe(audio)[1] == task.transcribe(audio[1:])[0]


def test_a_saved_model_is_read_back(task: RecognizerTask, tmp_path: Path) -> None:
    task.save(tmp_path, {"wer": 50.0})
    model = OwsmCtc.from_checkpoint(tmp_path)
    assert model.config == task.model.config
    for name, tensor in task.model.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_unknown_settings_are_named(speech: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown table \[modle\]"):
        RecognizerConfig.from_mapping({**SETTINGS, "modle": {}})
    with pytest.raises(ValueError, match=r"\[data\] has no key 'batch'"):
        RecognizerConfig.from_mapping({**SETTINGS, "data": {"batch": 1}})
    with pytest.raises(ValueError, match="not add up to more than 1"):
        RecognizerConfig.from_mapping({**SETTINGS, "data": {"german_share": 0.9}})


@pytest.fixture(scope="module")
def labelled(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speech with word ends, one for each 0.3 s hummed, and with translations."""
    folder = tmp_path_factory.mktemp("labelled") / "speech"
    shutil.copytree(speech, folder)
    for name in ("real", "synthetic"):
        pack = SpeechPack(folder / name)
        ends, translations = [], []
        for row in pack:
            words = row.transcript.split()
            step = row.n_samples // len(words)
            samples = " ".join(str(step * (index + 1)) for index in range(len(words)))
            ends.append(f"{row.id}\t{samples}\n")
            translations.append(f"{row.id}\tdas haus\n")
        (pack.directory / WORD_ENDS_FILE).write_text("".join(ends))
        (pack.directory / translation_file("de")).write_text("".join(translations[:-1]))
    return folder


def settings_with(**data: object) -> RecognizerConfig:
    values = {**SETTINGS["data"], "no_speech": 0.0, "unknown_language": 0.0, **data}
    augmentation = {"silence": 0.0, "speed": 0.0}
    return RecognizerConfig.from_mapping({**SETTINGS, "data": values, "augmentation": augmentation})


def test_audio_is_cut_together_with_its_words(labelled: Path) -> None:
    task = RecognizerTask(settings_with(truncate=1.0), labelled)
    vocabulary = task.model.vocabulary
    dice = np.random.default_rng(0)
    n_shorter = 0
    for item in next(task.batches(1)).items:
        row = task._make_row(item, dice)
        text = vocabulary.decode(row.target[2:])
        seconds = len(row.audio) / 16_000
        expected = sum(end / 16_000 + 0.08 <= seconds for end in item.word_ends)
        if len(row.audio) == item.row.n_samples:
            expected = len(item.word_ends)
        assert item.row.transcript.startswith(text)
        assert len(text.split()) == expected
        n_shorter += len(row.audio) < item.row.n_samples
    assert n_shorter > 0


def test_speech_is_translated_in_the_last_blocks_and_heard_in_the_first(labelled: Path) -> None:
    task = RecognizerTask(settings_with(translations=["de"], translate=1.0), labelled)
    vocabulary = task.model.vocabulary
    assert vocabulary.tasks == ("<asr>", "<st_deu>")
    items = [item for item in next(task.batches(1)).items if item.translations]
    row = task._make_row(items[0], np.random.default_rng(0))
    translate, transcribe = vocabulary.task_id("<st_deu>"), vocabulary.task_id("<asr>")
    assert row.prefix == [vocabulary.language_id("eng"), translate]
    assert row.target == [row.prefix[0], translate, *vocabulary.encode("das haus")]
    assert row.transcript == [
        row.prefix[0], transcribe, *vocabulary.encode(items[0].row.transcript)
    ]  # fmt: skip
    loss, _ = task.loss(task.prepare(next(task.batches(1))), 0.0)
    assert torch.isfinite(loss)


def test_a_checkpoint_says_which_languages_it_hears(labelled: Path, tmp_path: Path) -> None:
    task = RecognizerTask(settings_with(hears=["en", "de"], n_dev_german=1), labelled)
    task.model.eval()
    with torch.inference_mode():
        scores = task.evaluate()
    assert scores.keys() >= {"wer", "wer_german", "language_errors"}
    task.save(tmp_path / "de-en", scores)
    model = Registry(tmp_path).find_recognizer("auto")
    assert model.languages == ("en", "de")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"hears": ["en", "xx"]}, "hears has 'xx'"),
        ({"hears": []}, "names no language"),
        ({"translate": 0.5}, "needs a language in translations"),
        ({"truncate": 2.0}, "truncate = 2.0"),
    ],
)
def test_settings_that_make_no_sense_are_named(data: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        settings_with(**data)
