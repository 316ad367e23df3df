import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from models.owsm_ctc.alignment import AlignmentError, align_tokens
from models.owsm_ctc.biases import SumOfBiases, WantedWords
from models.owsm_ctc.decoding import Run, frame_start_s, greedy_runs
from models.owsm_ctc.prefix_search import beam_search


def log_softmax(scores: ArrayLike) -> NDArray[np.float32]:
    values = np.asarray(scores, dtype=np.float64)
    return np.asarray(values - np.log(np.exp(values).sum(-1, keepdims=True)), np.float32)


def collapse(path: Sequence[int]) -> tuple[int, ...]:
    return tuple(token for token, _ in itertools.groupby(path) if token != 0)


def every_path(log_probs: NDArray[np.float32]) -> Iterator[tuple[tuple[int, ...], float]]:
    n_frames, n_tokens = log_probs.shape
    for path in itertools.product(range(n_tokens), repeat=n_frames):
        yield path, sum(float(log_probs[t, token]) for t, token in enumerate(path))


small = st.integers(0, 2**32 - 1).map(
    lambda seed: log_softmax(np.random.default_rng(seed).normal(size=(5, 3)) * 2)
)


def test_greedy_joins_repeats_and_drops_blanks() -> None:
    best = [0, 3, 3, 0, 3, 2, 2, 0]
    log_probs = torch.full((8, 4), -5.0)
    log_probs[range(8), best] = torch.tensor([0.9, 0.8, 0.6, 0.9, 0.5, 0.7, 0.7, 0.9]).log()
    runs = greedy_runs(log_probs)
    assert [(run.token_id, run.first, run.last) for run in runs] == [
        (3, 1, 2),
        (3, 4, 4),
        (2, 5, 6),
    ]
    assert [run.confidence for run in runs] == pytest.approx([0.7, 0.5, 0.7])


def test_greedy_of_blanks_or_of_one_frame() -> None:
    assert greedy_runs(torch.tensor([[0.0, -9.0]] * 3)) == []
    assert greedy_runs(torch.tensor([[-9.0, 0.0]])) == [Run(1, 0, 0, 1.0)]


def test_frames_are_centred_at_80_i_plus_70_ms() -> None:
    assert frame_start_s(0) == pytest.approx(0.03)
    assert (frame_start_s(10) + frame_start_s(11)) / 2 == pytest.approx(0.87)
    assert frame_start_s(-2) == 0.0


@settings(deadline=None, max_examples=25)
@given(small)
def test_a_wide_beam_finds_the_sums_over_all_alignments(log_probs: NDArray[np.float32]) -> None:
    totals: dict[tuple[int, ...], float] = defaultdict(lambda: -math.inf)
    for path, score in every_path(log_probs):
        totals[collapse(path)] = float(np.logaddexp(totals[collapse(path)], score))
    found = beam_search(log_probs, beam=1000)
    assert {hypothesis.token_ids for hypothesis in found} == set(totals)
    for hypothesis in found:
        assert hypothesis.log_prob == pytest.approx(totals[hypothesis.token_ids], abs=1e-4)
        assert hypothesis.score == hypothesis.log_prob
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)


@settings(deadline=None, max_examples=25)
@given(small, st.lists(st.integers(1, 2), min_size=1, max_size=3))
def test_alignment_is_the_best_path_that_spells_the_text(
    log_probs: NDArray[np.float32], token_ids: list[int]
) -> None:
    paths = [
        (score, path) for path, score in every_path(log_probs) if collapse(path) == tuple(token_ids)
    ]
    if not paths:
        with pytest.raises(AlignmentError):
            align_tokens(log_probs, token_ids)
        return
    runs = align_tokens(log_probs, token_ids)
    path = [0] * len(log_probs)
    for run in runs:
        path[run.first : run.last + 1] = [run.token_id] * (run.last + 1 - run.first)
    score = sum(float(log_probs[t, token]) for t, token in enumerate(path))
    assert collapse(path) == tuple(token_ids)
    assert score == pytest.approx(max(paths)[0], abs=1e-4)


def test_alignment_refuses_an_empty_text_and_one_that_does_not_fit() -> None:
    log_probs = log_softmax(np.zeros((3, 4)))
    with pytest.raises(AlignmentError, match="no tokens"):
        align_tokens(log_probs, [])
    with pytest.raises(AlignmentError, match="cannot hold"):
        align_tokens(log_probs, [1, 1, 1])
    assert len(align_tokens(log_probs, [1, 2, 3])) == 3


def test_wanted_words_earn_only_when_complete() -> None:
    wanted = WantedWords([[1, 2], [1, 2, 3, 4], []], bonus=1.0)

    def total(ids: Sequence[int]) -> float:
        state, score = wanted.start(), 0.0
        for token_id in ids:
            state, earned = wanted.extend(state, token_id)
            score += earned
        return score + wanted.finish(state)

    assert total([5, 6]) == 0.0
    assert total([1]) == 0.0
    assert total([1, 5]) == 0.0
    assert total([1, 2]) == 2.0
    assert total([1, 2, 3]) == 2.0
    assert total([1, 2, 3, 5]) == 2.0
    assert total([1, 2, 3, 4]) == 4.0
    assert total([1, 1, 2]) == 2.0
    assert total([1, 2, 1, 2]) == 4.0
    assert total([1, 2, 3, 1, 2]) == 4.0


def test_a_wanted_phrase_is_found_inside_the_failure_of_another() -> None:
    wanted = WantedWords([[1, 1, 2], [7, 8, 9], [8, 9, 5]], bonus=1.0)
    for ids, earned in (([1, 1, 1, 2], 3.0), ([7, 8, 9, 5], 6.0), ([7, 8, 7], 0.0)):
        state, score = wanted.start(), 0.0
        for token_id in ids:
            state, step = wanted.extend(state, token_id)
            score += step
        assert score + wanted.finish(state) == earned


def test_wanted_words_turn_a_close_decision() -> None:
    log_probs = log_softmax([[5.0, 0, 0, 0], [0, 3.0, 2.5, 0], [5.0, 0, 0, 0]])
    assert beam_search(log_probs)[0].token_ids == (1,)
    biased = beam_search(log_probs, bias=WantedWords([[2]], bonus=1.0))[0]
    assert biased.token_ids == (2,)
    assert biased.score == pytest.approx(biased.log_prob + 1.0)


def test_tokens_earn_together_what_they_earn_alone() -> None:
    both = SumOfBiases(WantedWords([[4, 5], [5, 6, 7]], 1.0), WantedWords([[4]], 0.5))
    tokens = np.arange(1, 9)
    for ids in ([], [4], [5], [5, 6], [5, 6, 8]):
        state = both.start()
        for token_id in ids:
            state, _ = both.extend(state, token_id)
        alone = [both.extend(state, token_id)[1] for token_id in tokens.tolist()]
        assert both.scores(state, tokens).tolist() == alone


def test_biases_add_up() -> None:
    both = SumOfBiases(WantedWords([[4, 5]], 1.0), WantedWords([[4]], 0.5))
    state, earned = both.extend(both.start(), 4)
    assert earned == 1.5
    assert both.finish(state) == -1.0  # the first phrase was left unfinished
