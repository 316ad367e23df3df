import numpy as np
import pytest
import torch

from models.ctc_paths import collapse
from models.slots import HIDDEN
from models.translator_config import source_ids
from tests.models.translators import SENTENCES, fretna, tokenizer

SOURCE = source_ids(tokenizer().encode(SENTENCES[0]), finished=True)


def test_every_source_token_opens_its_slots() -> None:
    model = fretna()
    with torch.inference_mode():
        scores = model.log_probs(SOURCE)
    assert scores.shape == (len(SOURCE) * model.config.upsampling, tokenizer().vocab_size)
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-4)


def test_padding_changes_no_path() -> None:
    model = fretna()
    sources = [source_ids(tokenizer().encode(text), finished=True) for text in SENTENCES[::2]]
    with torch.inference_mode():
        together = model.paths_batch(sources)
        alone = [model.paths_batch([source])[0] for source in sources]
    assert together == alone
    assert any(collapse(path) for path in alone)


def test_a_revealed_slot_changes_what_the_others_say() -> None:
    model = fretna()
    revealed = [HIDDEN] * (2 * len(SOURCE))
    with torch.inference_mode():
        hidden = model.log_probs(SOURCE, revealed)
        nothing = model.log_probs(SOURCE)
        revealed[0] = tokenizer().encode("Haus")[0]
        known = model.log_probs(SOURCE, revealed)
    np.testing.assert_allclose(hidden, nothing, atol=1e-5)
    assert np.abs(known[5] - nothing[5]).max() > 1e-4


def test_a_source_beyond_the_positions_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="longer than the 48"):
        fretna().log_probs(SOURCE * 20)
