"""Drafts, against a model that is a list of what it would write."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.speculation import follow, rejoin, speculate
from models.tokenizer import EOS_ID

TOKENS = st.lists(st.integers(4, 7), max_size=12)


class Scripted:
    """Writes a fixed text, whatever it is given; counts its passes."""

    def __init__(self, text: Sequence[int]) -> None:
        self.written: list[int] = []
        self.n_passes = 0
        self._text = [*text, EOS_ID]

    def choose(self, draft: Sequence[int]) -> list[int]:
        self.n_passes += 1
        n = len(self.written)
        right = self._text[n : n + len(draft) + 1]
        return [*right, *[99] * (len(draft) + 1 - len(right))]


@given(TOKENS, st.lists(TOKENS, max_size=6))
def test_no_draft_changes_what_is_written(text: list[int], drafts: list[list[int]]) -> None:
    model = Scripted(text)
    offered = iter(drafts)
    speculate(model.written, model.choose, limit=50, propose=lambda _: next(offered, ()))
    assert model.written == text


@given(TOKENS, st.integers(1, 12))
def test_the_limit_holds_with_and_without_drafts(text: list[int], limit: int) -> None:
    for propose in (None, lambda written: text[len(written) :]):
        model = Scripted(text)
        speculate(model.written, model.choose, limit=limit, propose=propose)
        assert model.written == text[:limit]


def test_a_draft_is_followed_only_from_its_beginning() -> None:
    assert follow([4, 5, 6], [4, 5]) == [6]
    assert follow([4, 5, 6], [5]) == ()
    assert follow([4, 5], [4, 5, 6]) == ()


@pytest.mark.parametrize(
    ("draft", "written", "rest"),
    [
        ([4, 5, 6, 7], [4, 9, 6], [7]),  # another word in the place of one
        ([4, 5, 6, 7], [9, 9, 5], [6, 7]),  # more words than before
        ([4, 5, 8, 4, 6, 7], [9, 9, 4], [6, 7]),  # of two places the nearer
        ([6, 4, 8, 5, 4, 7], [9, 9, 9, 6, 4], [8, 5, 4, 7]),  # the longer match counts first
        ([4, 5], [9], []),
        ([4, 5], [4, 5], []),
        ([], [4], []),
        ([4], [], []),
    ],
)
def test_a_draft_is_joined_again_where_it_looks_alike(
    draft: list[int], written: list[int], rest: list[int]
) -> None:
    assert list(rejoin(draft, written)) == rest


def test_a_text_that_comes_back_to_its_draft_takes_few_passes() -> None:
    text, previous = [4, 5, 6, 9, 7, 8, 10, 11, 12], [4, 5, 6, 7, 8, 10, 11, 12]
    model = Scripted(text)
    speculate(
        model.written,
        model.choose,
        limit=50,
        propose=lambda written: follow(previous, written) or rejoin(previous, written),
    )
    assert model.written == text
    assert model.n_passes <= 4
