from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.acoustics import BestPathDecoder
from engine.audio import Samples

PIECES = ("<blank>", "<unk>", "<eng>", "<asr>", "▁go", "ing", "<")


class FixedModel:
    """Hears the same tokens in any sound."""

    def __init__(self, path: Sequence[int], *, as_tensor: bool) -> None:
        self._path = path
        self._as_tensor = as_tensor
        self.asked: list[tuple[str, str, str | None]] = []

    def log_probs(
        self,
        audio: Sequence[Samples],
        *,
        lang: Sequence[str],
        task: Sequence[str],
        prompt: Sequence[str | None],
    ) -> tuple[np.ndarray | Tensor, np.ndarray | Tensor]:
        self.asked.append((lang[0], task[0], prompt[0]))
        probabilities = np.full((1, len(self._path), len(PIECES)), 0.01)
        probabilities[0, np.arange(len(self._path)), self._path] = 0.94
        lengths = np.array([len(self._path)])
        if self._as_tensor:
            return torch.from_numpy(np.log(probabilities)).bfloat16(), torch.from_numpy(lengths)
        return np.log(probabilities), lengths


@pytest.mark.parametrize("as_tensor", [False, True])
def test_the_best_path_is_collapsed_to_tokens_without_prefix_and_marks(as_tensor: bool) -> None:
    model = FixedModel([2, 3, 0, 4, 4, 0, 4, 5, 1, 2, 6], as_tensor=as_tensor)
    tokens = BestPathDecoder(model, PIECES).decode(np.zeros(1280 * 9, np.float32), lang="en")
    placed = [(token.piece, token.first_frame, token.last_frame) for token in tokens]
    assert placed == [("▁go", 1, 2), ("▁go", 4, 4), ("ing", 5, 5), ("<", 8, 8)]
    assert tokens[0].confidence == pytest.approx(0.94, abs=0.01)


def test_a_sound_without_frames_has_no_tokens() -> None:
    model = FixedModel([2, 3], as_tensor=False)
    assert BestPathDecoder(model, PIECES).decode(np.zeros(10, np.float32), lang="en") == []


def test_the_language_becomes_the_models_own_token() -> None:
    model = FixedModel([2, 3, 0], as_tensor=False)
    decoder = BestPathDecoder(model, PIECES)
    for lang in ("en", "de", "xyz"):
        decoder.decode(np.zeros(1280, np.float32), lang=lang)
    assert model.asked == [(lang, "<asr>", None) for lang in ("eng", "deu", "xyz")]
