from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import CheckpointError
from models.tokenizer import EOS_ID, Tokenizer
from tests.models.translators import SENTENCES, tokenizer


@pytest.mark.parametrize("text", [*SENTENCES, "a 😀 b", "日本語", "x" * 50, ""])
def test_decoding_gives_back_any_text(text: str) -> None:
    assert tokenizer().decode(tokenizer().encode(text)) == text


@given(
    st.lists(st.sampled_from([*" ".join(SENTENCES).split(), "😀", "日本", "ﬁn", "é", "a\u200bb"]))
)
def test_words_are_cut_as_a_whole_text_is_cut(words: list[str]) -> None:
    text = " ".join(words)
    assert tokenizer().encode(text) == tokenizer().encode_batch([text])[0]


@given(st.lists(st.integers(0, tokenizer().vocab_size - 1), max_size=12))
def test_decoding_pieces_is_decoding_the_whole(ids: list[int]) -> None:
    text = tokenizer().decode(ids)
    assert text == " ".join(text.split())
    with_byte = tokenizer().encode("😀")  # bytes are decoded by sentencepiece, the rest by tables
    assert tokenizer().decode([*ids, *with_byte]).removesuffix("😀").rstrip() == text


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
