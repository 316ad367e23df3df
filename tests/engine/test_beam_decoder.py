from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.acoustics import BestPathDecoder
from engine.agreement import group_words
from engine.audio import Samples
from engine.beam_decoder import BeamConfig, BeamDecoder
from models.ngram import NgramBias
from models.training.ngram import train_ngram

PIECES = ("<blank>", "<unk>", "<eng>", "<asr>", "▁see", "▁sea", "▁the", "s", "<")
SOUND = np.zeros(1280 * 9, np.float32)
VOCABULARY = ("<unk>", "<s>", "</s>", *PIECES[4:])
TEXT = [[5, 4, 6], [5, 4], [3, 5, 4], [3, 5]] * 3  # "the seas", "the sea", "see the sea", "see the"


class FixedModel:
    """Hears the same in any sound: on each frame one token, or several as well as one another."""

    def __init__(self, path: Sequence[int | tuple[int, ...]], *, as_tensor: bool = False) -> None:
        probabilities = np.full((1, len(path) + 2, len(PIECES)), 0.001)
        probabilities[0, 0, 2] = probabilities[0, 1, 3] = 0.99
        for frame, heard in enumerate(path):
            tokens = heard if isinstance(heard, tuple) else (heard,)
            probabilities[0, frame + 2, list(tokens)] = 0.992 / len(tokens)
        self.log_probabilities = np.log(probabilities)
        self._as_tensor = as_tensor
        self.asked: list[str] = []

    def log_probs(
        self,
        audio: Sequence[Samples],
        *,
        lang: Sequence[str],
        task: Sequence[str],
        prompt: Sequence[str | None],
    ) -> tuple[object, object]:
        self.asked += lang
        lengths = np.array([self.log_probabilities.shape[1]])
        if self._as_tensor:
            return torch.from_numpy(self.log_probabilities).bfloat16(), torch.from_numpy(lengths)
        return self.log_probabilities, lengths


def bias() -> NgramBias:
    model = train_ngram(TEXT, VOCABULARY, min_counts=(1, 1, 1))
    return NgramBias(model, PIECES, weight=1.0, bonus=0.5)


@pytest.mark.parametrize("as_tensor", [False, True])
def test_clear_sound_gives_the_tokens_of_the_best_path(as_tensor: bool) -> None:
    model = FixedModel([0, 4, 4, 0, 0, 6, 0, 5, 7, 7, 0, 7, 8, 0], as_tensor=as_tensor)
    best_path = BestPathDecoder(model, PIECES).decode(SOUND, lang="en")
    found = BeamDecoder(model, PIECES).decode(SOUND, lang="en")
    placed = [(token.piece, token.first_frame, token.last_frame) for token in found]
    assert placed == [(t.piece, t.first_frame, t.last_frame) for t in best_path]
    assert [token.confidence for token in found] == pytest.approx(
        [token.confidence for token in best_path], abs=0.01
    )
    assert model.asked == ["eng", "eng"]


def test_the_language_model_decides_between_words_that_sound_alike() -> None:
    model = FixedModel([(4, 5), 0, 6, 0, (4, 5), 0])
    tokens = BeamDecoder(model, PIECES, bias=bias()).decode(SOUND, lang="en")
    assert [word.text for word in group_words(tokens)] == ["see", "the", "sea"]
    assert [(token.first_frame, token.last_frame) for token in tokens] == [(0, 0), (2, 2), (4, 4)]
    assert tokens[0].confidence == pytest.approx(0.496, abs=0.01)


def test_times_follow_one_another_within_the_sound() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(60, len(PIECES))) * 3
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    for config in (BeamConfig(), BeamConfig(beam=2, token_margin=2.0, skip_blank=0.5)):
        decoder = BeamDecoder(FixedModel([]), PIECES, bias=bias())
        tokens = decoder.search(logits.astype(np.float32), config)
        assert len(tokens) > 5
        assert tokens[0].first_frame >= 0
        assert tokens[-1].last_frame < len(logits)
        assert all(a.last_frame < b.first_frame for a, b in pairwise(tokens))
        assert all(token.first_frame <= token.last_frame for token in tokens)
        assert all(0.0 <= token.confidence <= 1.0 for token in tokens)


def test_the_last_search_finds_what_a_narrow_one_has_dropped() -> None:
    model = FixedModel([(4, 5), 0, 6, 0, (4, 5), 0])
    model.log_probabilities[0, 2, 5] -= 0.5  # the first word sounds more like "see" than "sea"
    text = train_ngram([[4, 5, 3]] * 9, VOCABULARY, min_counts=(1, 1, 1))
    decoder = BeamDecoder(
        model,
        PIECES,
        bias=NgramBias(text, PIECES, weight=1.0, bonus=0.0),
        step=BeamConfig(beam=1),
        last=BeamConfig(beam=20),
    )
    found = [
        [word.text for word in group_words(decoder.decode(SOUND, lang="en", last=last))]
        for last in (False, True)
    ]
    assert found == [["see", "the", "see"], ["sea", "the", "see"]]


def test_marks_are_never_part_of_the_text() -> None:
    model = FixedModel([1, 2, 3, 6])
    tokens = BeamDecoder(model, PIECES, bias=bias()).decode(SOUND, lang="en")
    assert not {token.piece for token in tokens} & set(PIECES[:4])
    assert "▁the" in {token.piece for token in tokens}


def test_a_sound_without_frames_or_of_blanks_has_no_tokens() -> None:
    for path in ([], [0, 0, 0]):
        decoder = BeamDecoder(FixedModel(path), PIECES, bias=bias())
        assert decoder.decode(SOUND, lang="en") == []


def test_the_sound_of_the_model_is_not_written_to() -> None:
    model = FixedModel([4, 6])
    before = model.log_probabilities.copy()
    BeamDecoder(model, PIECES, bias=bias()).decode(SOUND, lang="en")
    np.testing.assert_array_equal(model.log_probabilities, before)
