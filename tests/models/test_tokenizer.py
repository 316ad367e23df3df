from pathlib import Path

import pytest

from models.errors import CheckpointError
from models.tokenizer import EOS_ID, Tokenizer
from tests.models.translators import SENTENCES, tokenizer


@pytest.mark.parametrize("text", [*SENTENCES, "a 😀 b", "日本語", "x" * 50, ""])
def test_decoding_gives_back_any_text(text: str) -> None:
    assert tokenizer().decode(tokenizer().encode(text)) == text


def test_a_token_tells_whether_its_word_is_complete() -> None:
    text = "the old station"
    tokens = tokenizer().encode(text)
    n_complete = sum(tokenizer().ends_word[token] for token in tokens)
    assert n_complete == len(text.split())


def test_a_word_is_cut_the_same_way_wherever_it_stands() -> None:
    alone, last = tokenizer().encode("house"), tokenizer().encode("we have a house")
    assert last[-len(alone) :] == alone


def test_special_tokens_are_not_text() -> None:
    assert tokenizer().decode([*tokenizer().encode("the house"), EOS_ID]) == "the house"


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(CheckpointError, match="not a sentencepiece model"):
        Tokenizer(b"these are no weights")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        Tokenizer.from_file(tmp_path / "nowhere")
