import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.checkpoint import CheckpointError
from models.owsm_ctc.biases import WantedWords
from models.owsm_ctc.model import OwsmCtc
from models.owsm_ctc.recognition import Token, join_words
from tests.models.owsm_ctc_models import ENGLISH_ASR, tiny_config, tiny_model

RATE_HZ = 16_000


def noise(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    samples = np.random.default_rng(seed).normal(size=round(seconds * RATE_HZ)) * 0.1
    return samples.astype(np.float32)


def test_the_vocabulary_lists_languages_and_tasks() -> None:
    vocabulary = tiny_model().vocabulary
    assert vocabulary.languages == ("<deu>", "<eng>")
    assert vocabulary.tasks == ("<asr>", "<st_deu>")
    assert vocabulary.tokens[vocabulary.language_id("eng")] == "<eng>"
    assert vocabulary.tokens[-3:] == ("<sos>", "<eos>", "<sop>")


def test_text_becomes_ids_and_text_again() -> None:
    vocabulary = tiny_model().vocabulary
    ids = vocabulary.encode("open the window")
    assert vocabulary.text([5, 6, *ids]) == "open the window"
    assert vocabulary.decode([5, 6, *ids]) == "<eng><asr> open the window"
    assert vocabulary.unknown_id in vocabulary.encode("open the ж")


@pytest.mark.parametrize("prompt", [None, "", "  ", "well <na> then", "<na>"])
def test_these_prompts_mean_no_prompt(prompt: str | None) -> None:
    vocabulary = tiny_model().vocabulary
    assert vocabulary.prompt_ids(prompt) == [vocabulary.tokens.index("<na>")]


def test_a_prompt_longer_than_the_table_of_positions_is_read() -> None:
    model = tiny_model()
    prompt = " ".join(["open the window"] * 100)
    assert len(model.vocabulary.prompt_ids(prompt)) > 512
    long = model.recognize(noise(0.5), prompt=prompt)
    assert long.language in ("<deu>", "<eng>")


def test_an_unknown_language_or_task_is_an_error_that_lists_the_known_ones() -> None:
    model = tiny_model()
    with pytest.raises(ValueError, match="<deu>, <eng>, <nolang>"):
        model.recognize(noise(0.5), lang="<fra>")
    with pytest.raises(ValueError, match="<asr>, <st_deu>"):
        model.recognize(noise(0.5), task="<st_fra>")
    with pytest.raises(ValueError, match="does not know the task"):
        model.recognize(noise(0.5), task="<eng>")


@pytest.mark.parametrize(
    "audio",
    [
        np.zeros((2, 800), np.float32),
        np.zeros(800, np.int16),
        np.array([0.0, np.nan] * 400, np.float32),
        np.array([0.0, np.inf] * 400, np.float32),
    ],
)
def test_audio_of_a_wrong_kind_is_an_error(audio: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="audio"):
        tiny_model().recognize(audio)


@pytest.mark.parametrize("n_samples", [0, 1, 160, 2239, 2240])
def test_very_short_audio_gives_one_frame(n_samples: int) -> None:
    model = tiny_model()
    log_probs, lengths = model.log_probs(
        [np.zeros(n_samples, np.float32)], lang=["<eng>"], task=["<asr>"], prompt=[None]
    )
    assert log_probs.shape[1] == 3
    assert lengths.tolist() == [3]
    model.recognize(np.zeros(n_samples, np.float32))
    model.recognize_long(np.zeros(n_samples, np.float32), context_s=0.16)


def test_a_batch_needs_as_many_of_everything() -> None:
    with pytest.raises(ValueError, match="2 audios"):
        tiny_model().log_probs([noise(0.5)] * 2, lang=["<eng>"], task=["<asr>"], prompt=[None])
    with pytest.raises(ValueError, match="at least one"):
        tiny_model().log_probs([], lang=[], task=[], prompt=[])


def test_a_batch_equals_its_rows_where_nothing_is_padded() -> None:
    model = tiny_model()
    rows = [noise(1.0, seed=1), noise(1.0, seed=2)]
    both, _ = model.log_probs(
        rows, lang=["<eng>", "<deu>"], task=["<asr>", "<st_deu>"], prompt=["open the window", None]
    )
    alone, _ = model.log_probs([rows[1]], lang=["deu"], task=["<st_deu>"], prompt=[None])
    torch.testing.assert_close(both[1], alone[0], atol=1e-5, rtol=1e-5)


def test_read_only_and_double_precision_audio_is_accepted_and_not_changed() -> None:
    model = tiny_model()
    audio = noise(1.0)
    expected = model.recognize(audio)
    frozen = audio.copy()
    frozen.setflags(write=False)
    assert model.recognize(frozen) == expected
    assert model.recognize(audio.astype(np.float64)) == expected
    np.testing.assert_array_equal(audio, noise(1.0))


def test_tokens_have_ascending_times_within_the_audio_and_probabilities() -> None:
    recognition = tiny_model(seed=3).recognize(noise(2.0))
    tokens = recognition.tokens
    assert tokens
    assert recognition.language in ("<deu>", "<eng>")
    assert recognition.text == tiny_model(seed=3).vocabulary.text(t.id for t in tokens)
    for token, following in zip(tokens, (*tokens[1:], None), strict=True):
        assert 0 <= token.start_s < token.end_s <= 2.0
        assert 0 < token.confidence <= 1
        assert following is None or token.end_s <= following.start_s + 1e-9
    assert " ".join(word.text for word in recognition.words) == recognition.text


def test_words_are_joined_at_the_mark() -> None:
    tokens = [
        Token(1, "▁", 0.0, 0.1, 0.9),
        Token(2, "w", 0.4, 0.5, 0.8),
        Token(3, "e", 0.5, 0.6, 0.9),
        Token(4, "▁have", 0.8, 0.9, 0.7),
        Token(5, "▁", 1.0, 1.1, 0.7),
    ]
    words = join_words(tokens)
    assert [(word.text, word.start_s, word.end_s) for word in words] == [
        ("we", 0.4, 0.6),
        ("have", 0.8, 0.9),
    ]
    assert words[0].confidence == 0.8


def test_long_audio_in_buffers_agrees_with_one_pass_away_from_the_seams() -> None:
    model = tiny_model(buffer_s=4.0)
    audio = noise(6.0)
    long = model.recognize_long(audio, context_s=1.2, lang="<eng>")
    assert long.language in ("<deu>", "<eng>")
    assert all(0 <= token.start_s < token.end_s <= 6.0 + 0.08 for token in long.tokens)
    buffers = model.buffer_log_probs(audio, context_s=1.2, lang="<eng>", prompt="open")
    plain = model.buffer_log_probs(audio, context_s=1.2, lang="<eng>")
    assert not torch.equal(buffers[0], plain[0])  # only the first buffer gets the prompt
    torch.testing.assert_close(buffers[1:], plain[1:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("seconds", [2.0, 6.0])
def test_alignment_gives_every_word_a_time(seconds: float) -> None:
    words = tiny_model().align(noise(seconds), " open  the window", context_s=0.4)
    assert [word.text for word in words] == ["open", "the", "window"]
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(words))
    assert words[-1].end_s <= seconds + 0.08


def test_beam_search_of_one_beam_and_more_gives_tokens_with_times() -> None:
    model = tiny_model(seed=3)
    recognition = model.recognize(noise(1.0), beam=5, lang="<eng>")
    assert recognition.text == model.vocabulary.text(t.id for t in recognition.tokens)


def test_a_bias_counts_with_a_single_beam_too() -> None:
    model = tiny_model(seed=3)
    token_id = model.vocabulary.encode("window")[-1]
    wanted = WantedWords([[token_id]], bonus=50.0)
    plain = model.recognize(noise(2.0), lang="<eng>")
    biased = model.recognize(noise(2.0), lang="<eng>", bias=wanted)
    assert token_id not in [token.id for token in plain.tokens]
    assert token_id in [token.id for token in biased.tokens]


def test_a_checkpoint_gives_the_same_model_back(tmp_path: Path) -> None:
    model = tiny_model()
    model.frontend.set_statistics(torch.full((20,), -4.0), torch.full((20,), 3.0))
    model.save(tmp_path / "small", facts={"source_lang": "en"})
    loaded = OwsmCtc.from_checkpoint(tmp_path / "small", "cpu")
    assert not loaded.training
    assert loaded.config == model.config
    assert loaded.recognize(noise(1.0)) == model.recognize(noise(1.0))
    assert json.loads((tmp_path / "small" / "config.json").read_text())["source_lang"] == "en"


def test_half_precision_storage_changes_little(tmp_path: Path) -> None:
    model = tiny_model()
    model.save(tmp_path / "half", dtype=torch.float16)
    loaded = OwsmCtc.from_checkpoint(tmp_path / "half")
    ours, _ = model.log_probs([noise(1.0)], **ENGLISH_ASR)
    theirs, _ = loaded.log_probs([noise(1.0)], **ENGLISH_ASR)
    assert theirs.dtype == torch.float32
    assert (ours - theirs).abs().max() < 0.1


def test_a_checkpoint_of_another_kind_or_size_is_refused(tmp_path: Path) -> None:
    tiny_model().save(tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    content = json.loads(config.read_text())
    for change, what in (
        ({"kind": "fretna"}, "fretna"),
        ({"model": {**content["model"], "width": 17}}, "width"),
        ({"model": {**content["model"], "width": 32}}, "shape"),
        ({"model": {**content["model"], "n_blocks": 5}}, "is missing"),
        ({"model": {**content["model"], "cross_attention_blocks": []}}, "not part of the model"),
        ({"model": {}}, "tokens"),
    ):
        config.write_text(json.dumps({**content, **change}))
        with pytest.raises(CheckpointError, match=what):
            OwsmCtc.from_checkpoint(tmp_path / "model")


def test_a_model_without_a_tokenizer_can_run_but_not_read() -> None:
    model = OwsmCtc(tiny_config()).eval()
    assert model(torch.zeros(1, 31, 20), None, torch.tensor([[5, 6]])).log_probs.isfinite().all()
    with pytest.raises(ValueError, match="without a tokenizer"):
        model.recognize(noise(0.5))
