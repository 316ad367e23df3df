"""Stability: agreement, mask, fixed words, grafting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stability import (
    MAX_ALIGNED_WORDS,
    StabilityConfig,
    StableTarget,
    close,
    graft,
    graft_point,
    settle,
)
from engine.translator import Hypothesis


def states(
    *texts: str, agreement: int = 2, mask_k: int = 0, n_fixed: int = 0, finished: bool = False
) -> list[StableTarget]:
    """Settle hypotheses one by one, each on more evidence."""
    state = StableTarget()
    seen = []
    for i, text in enumerate(texts):
        state = settle(
            state,
            Hypothesis(words=tuple(text.split()), n_fixed=n_fixed),
            evidence=f"source {i}",
            finished=finished and i == len(texts) - 1,
            config=StabilityConfig(agreement=agreement, mask_k=mask_k),
        )
        seen.append(state)
    return seen


def text(state: StableTarget) -> str:
    return f"{' '.join(state.committed)}|{' '.join(state.tentative)}"


def test_two_hypotheses_that_agree_commit_their_common_prefix() -> None:
    assert [text(s) for s in states("a b", "a c", "a c d")] == ["|a b", "a|c", "a c|d"]


def test_agreement_of_three_waits_for_three() -> None:
    assert [text(s) for s in states("a", "a b", "a b c", agreement=3)] == ["|a", "|a b", "a|b c"]


def test_agreement_of_one_commits_what_is_shown() -> None:
    assert text(states("a b c", agreement=1, mask_k=1)[0]) == "a b|"


def test_agreement_of_zero_commits_at_the_end_only() -> None:
    seen = states("a", "a", "a", agreement=0, finished=True)
    assert [text(s) for s in seen] == ["|a", "|a", "a|"]


def test_same_evidence_counts_once() -> None:
    config = StabilityConfig()
    hypothesis = Hypothesis(words=("a",), n_fixed=0)
    state = settle(StableTarget(), hypothesis, evidence="x", finished=False, config=config)
    state = settle(state, hypothesis, evidence="x", finished=False, config=config)
    assert text(state) == "|a"
    state = settle(state, hypothesis, evidence="x y", finished=False, config=config)
    assert text(state) == "a|"


def test_nothing_commits_on_no_evidence() -> None:
    config = StabilityConfig(agreement=1)
    state = settle(
        StableTarget(),
        Hypothesis(words=("invented",), n_fixed=0),
        evidence="",
        finished=False,
        config=config,
    )
    assert text(state) == "|invented"


def test_mask_hides_the_last_words_and_they_do_not_commit() -> None:
    assert [text(s) for s in states("a b c", "a b c d", mask_k=2)] == ["|a", "a b|"]


def test_mask_never_hides_committed_words() -> None:
    assert text(states("a b c", "a b c", "a", mask_k=0)[-1]) == "a b c|"


def test_fixed_words_commit_at_once_even_behind_the_mask() -> None:
    assert text(states("a b c", n_fixed=2, mask_k=3)[0]) == "a b|"


def test_end_of_segment_commits_all() -> None:
    assert text(states("a b", "a c d", mask_k=2, finished=True)[-1]) == "a c d|"


def test_closing_keeps_what_is_shown() -> None:
    assert text(close(states("a b", "a c")[-1])) == "a c|"


def test_configuration_out_of_range_names_key_and_range() -> None:
    with pytest.raises(ValueError, match="stability mask_k = -1 is not within 0 … 50"):
        StabilityConfig(mask_k=-1)


@pytest.mark.parametrize(
    ("committed", "words", "expected"),
    [
        ("wir haben", "wir haben das", "wir haben das"),
        ("wir haben das", "wir hatten das Haus", "wir haben das Haus"),
        ("ich gehe nach Hause", "ich gehe heim", "ich gehe nach Hause"),
        ("das Haus.", "das Haus steht hier", "das Haus. steht hier"),
        ("Haus", "das Haus steht", "Haus steht"),
        ("a b c d", "a b", "a b c d"),
        ("a b", "x y z", "a b z"),
        ("", "a b", "a b"),
        ("a b", "", "a b"),
    ],
)
def test_contradiction_is_grafted_where_it_fits_best(
    committed: str, words: str, expected: str
) -> None:
    assert " ".join(graft(committed.split(), words.split())) == expected


def test_very_long_contradiction_is_cut_at_its_length() -> None:
    committed = ["a"] * (MAX_ALIGNED_WORDS + 1)
    assert graft_point(committed, ["b"] * 500) == len(committed)


LINES = st.lists(st.sampled_from("ab"), max_size=6).map(" ".join)


@given(st.lists(LINES, min_size=1, max_size=8), st.integers(0, 3), st.integers(0, 3))
def test_committed_words_only_grow(lines: list[str], agreement: int, mask_k: int) -> None:
    committed: tuple[str, ...] = ()
    for state in states(*lines, agreement=agreement, mask_k=mask_k, finished=True):
        assert state.committed[: len(committed)] == committed
        committed = state.committed


@given(LINES, LINES)
def test_graft_point_lies_within_the_words(committed: str, words: str) -> None:
    n = graft_point(committed.split(), words.split())
    assert 0 <= n <= len(words.split())
