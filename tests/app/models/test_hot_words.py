"""Hot words: the file, and what they change in what is heard."""

from pathlib import Path

import pytest

from app.models.hot_words import HotWordsError, encode_hot_words, read_hot_words
from tests.models.owsm_ctc_models import tiny_model


def test_a_file_has_a_phrase_a_line_and_may_have_comments(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# of the meeting\n\n  the   window \nnine\n")
    assert read_hot_words(path) == ["the window", "nine"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"word\n" * 1001, "at most 1000"),
        (b"a" * 101, "longer than 100"),
    ],
)
def test_an_unusable_file_says_why(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(content)
    with pytest.raises(HotWordsError, match=complaint):
        read_hot_words(path)


def test_capitals_are_taken_as_the_recogniser_writes_them() -> None:
    vocabulary = tiny_model().vocabulary
    assert encode_hot_words(["The Window"], vocabulary) == [vocabulary.encode("the window")]


def test_letters_that_the_recogniser_lacks_are_named() -> None:
    with pytest.raises(HotWordsError, match="'naïveté'"):
        encode_hot_words(["naïveté"], tiny_model().vocabulary)
