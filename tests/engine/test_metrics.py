"""Metrics, against figures worked out by hand and slow obvious versions."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.captions import Caption, Text
from engine.metrics import (
    average_lagging,
    average_proportion,
    caption_delays,
    caption_erasure,
    differentiable_average_lagging,
    erasure,
    length_adaptive_average_lagging,
    normalized_erasure,
    revision_delays,
)


def test_wait_k_of_equal_lengths_lags_k_words() -> None:
    # wait-3, 6 source and 6 target words: τ = 4; 3 − 0, 4 − 1, 5 − 2, 6 − 3
    assert average_lagging([3, 4, 5, 6, 6, 6], 6, 6) == 3.0


def test_average_lagging_by_hand() -> None:
    # |X| = 4, |Y| = 2, step 2: (2 − 0 + 4 − 2) / 2
    assert average_lagging([2, 4], 4, 2) == 2.0
    # the whole sentence is read first: τ = 1
    assert average_lagging([4, 4, 4], 4, 3) == 4.0


def test_average_lagging_of_an_output_that_ends_early_uses_all_words() -> None:
    # never reaches d ≥ 4; step 4/4 = 1: (1 − 0 + 2 − 1) / 2
    assert average_lagging([1, 2], 4, 4) == 1.0


def test_length_adaptive_lagging_does_not_reward_a_long_output() -> None:
    delays = [1, 2, 3, 4, 4, 4, 4, 4]
    # AL, step 4/4 = 1, τ = 4: all 1; LAAL, step 4/8 = 0.5: 1, 1.5, 2, 2.5
    assert average_lagging(delays, 4, 4) == 1.0
    assert length_adaptive_average_lagging(delays, 4, 4) == 1.75


def test_differentiable_lagging_by_hand() -> None:
    # step 1; d' = 3, 4, 5, 6, 7, 8 minus 0 … 5: always 3
    assert differentiable_average_lagging([3, 4, 5, 6, 6, 6], 6) == 3.0
    # step 4/2 = 2; d' = 4, max(4, 6) = 6: (4 + 6 − 2) / 2
    assert differentiable_average_lagging([4, 4], 4) == 4.0


def test_average_proportion_by_hand() -> None:
    # (1 + 2 + 3) / (3 · 3)
    assert average_proportion([1, 2, 3], 3, 3) == pytest.approx(2 / 3)


def test_output_without_words_has_no_delay() -> None:
    with pytest.raises(ValueError, match="without words"):
        average_lagging([], 4, 4)
    with pytest.raises(ValueError, match="positive"):
        differentiable_average_lagging([1], 0)


def test_normalized_erasure_of_two_words_in_five() -> None:
    outputs = [["a", "b"], ["a", "c", "d"], ["a", "c", "e", "f", "g"]]
    assert erasure(outputs) == 2  # b, then d
    assert normalized_erasure([outputs]) == 0.4


def test_normalized_erasure_is_summed_over_the_corpus() -> None:
    changing = [["a"], ["b"]]
    steady = [["a"], ["a", "b", "c"]]
    assert normalized_erasure([changing, steady]) == 1 / 4
    assert normalized_erasure([]) == 0.0


def test_delay_of_a_revised_word_is_when_it_last_changed() -> None:
    revisions = [(1.0, ["a", "b"]), (2.0, ["a", "c"]), (3.0, ["a", "b", "d"])]
    assert revision_delays(revisions) == [1.0, 3.0, 3.0]


def test_word_taken_back_and_brought_again_counts_from_its_return() -> None:
    assert revision_delays([(1.0, ["a"]), (2.0, []), (3.0, ["a"])]) == [3.0]


OUTPUTS = st.lists(st.lists(st.sampled_from("ab"), max_size=5), min_size=1, max_size=8)


@given(OUTPUTS)
def test_revision_delays_equal_the_definition(outputs: list[list[str]]) -> None:
    revisions = [(float(i), output) for i, output in enumerate(outputs)]
    final = outputs[-1]

    def first_stable(j: int) -> float:
        return min(
            read
            for i, (read, _) in enumerate(revisions)
            if all(output[:j] == final[:j] for output in outputs[i:])
        )

    assert revision_delays(revisions) == [first_stable(j) for j in range(1, len(final) + 1)]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12), st.integers(1, 20))
def test_lagging_equals_the_formula(steps: list[int], length: int) -> None:
    delays = [min(float(d), length) for d in sorted(steps)]
    tau = next((i for i, d in enumerate(delays, 1) if d >= length), len(delays))
    for n in (1, 5, len(delays)):
        expected = sum(delays[i - 1] - (i - 1) * length / n for i in range(1, tau + 1)) / tau
        assert average_lagging(delays, length, n) == pytest.approx(expected)


def revised(targets: Sequence[str], *, segment: int = 0) -> list[Caption]:
    return [
        Caption(
            session="s",
            seq=i,
            segment=segment,
            revision=i,
            source=Text(lang="en", committed="", tentative=""),
            target=Text(lang="de", committed=target if i == len(targets) - 1 else "", tentative="")
            if i == len(targets) - 1
            else Text(lang="de", committed="", tentative=target),
            final=i == len(targets) - 1,
            start_s=10.0,
            end_s=11.0 + i,
            emitted_s=11.5 + i,
            erased=0,
        )
        for i, target in enumerate(targets)
    ]


def test_captions_are_measured_by_segment() -> None:
    captions = [*revised(["a b", "a c d", "a c e f g"]), *revised(["x"], segment=1)]
    assert caption_erasure(captions) == 2 / 6
    assert caption_delays(captions) == [[1000, 2000, 3000, 3000, 3000], [1000]]
    elapsed = caption_delays(captions, read=lambda c: c.emitted_s - c.start_s)
    assert elapsed == [[1.5, 2.5, 3.5, 3.5, 3.5], [1.5]]
