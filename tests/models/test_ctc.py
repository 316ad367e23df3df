from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.ctc import best_alignment, ctc_loss, label_scores
from models.ctc_paths import BLANK_ID, best_path, collapse


def log_probs(seed: int, n_slots: int, n_labels: int = 4) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(n_slots, n_labels)).astype(np.float32) * 2
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))


def every_path(n_slots: int, n_labels: int = 4) -> list[tuple[int, ...]]:
    return list(product(range(n_labels), repeat=n_slots))


def probability(scores: np.ndarray, path: tuple[int, ...] | list[int]) -> float:
    return float(sum(scores[slot, label] for slot, label in enumerate(path)))


def test_collapsing_merges_repetitions_and_drops_blanks() -> None:
    assert collapse([0, 3, 3, 0, 3, 2, 2, 0]) == [3, 3, 2]


@given(st.integers(0, 10_000), st.lists(st.integers(1, 3), max_size=3))
def test_the_best_alignment_is_the_best_of_all_paths_of_its_target(
    seed: int, target: list[int]
) -> None:
    scores = log_probs(seed, 5)
    targets = torch.tensor([[*target, 0]])
    path = best_alignment(
        label_scores(torch.tensor(scores)[None], targets),
        torch.tensor([5]),
        targets,
        torch.tensor([len(target)]),
    )[0].tolist()
    paths = [path for path in every_path(5) if collapse(path) == target]
    assert collapse(path) == target
    assert probability(scores, path) == pytest.approx(
        max(probability(scores, other) for other in paths), abs=1e-4
    )


def test_rows_of_a_batch_are_aligned_as_if_they_were_alone() -> None:
    scores = torch.tensor(np.stack([log_probs(1, 6), log_probs(2, 6)]))
    targets, target = torch.tensor([[1, 2, 2], [3, 1, 0]]), torch.tensor([[3, 1]])
    together = best_alignment(
        label_scores(scores, targets), torch.tensor([6, 4]), targets, torch.tensor([3, 2])
    )
    alone = best_alignment(
        label_scores(scores[1:, :4], target), torch.tensor([4]), target, torch.tensor([2])
    )
    assert together[1].tolist() == [*alone[0].tolist(), BLANK_ID, BLANK_ID]


def test_a_target_that_does_not_fit_has_no_alignment() -> None:
    targets = torch.tensor([[1, 1]])
    scores = label_scores(torch.tensor(log_probs(1, 2))[None], targets)
    lengths = torch.tensor([2])
    assert best_alignment(scores, lengths, targets, lengths).tolist() == [[BLANK_ID, BLANK_ID]]
    assert ctc_loss(scores, lengths, targets, lengths).tolist() == [0.0]


@given(st.integers(0, 10_000), st.lists(st.lists(st.integers(1, 3), max_size=4), min_size=1))
def test_the_loss_and_its_gradient_are_those_of_torch(seed: int, rows: list[list[int]]) -> None:
    n_slots = torch.tensor([6 - i % 3 for i in range(len(rows))])
    lengths = torch.tensor([len(row) for row in rows])
    targets = torch.tensor([[*row, *[0] * (4 - len(row))] for row in rows])
    logits = torch.tensor(np.stack([log_probs(seed + i, 6) for i in range(len(rows))]))
    ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
    loss = ctc_loss(label_scores(ours.log_softmax(-1), targets), n_slots, targets, lengths)
    expected = torch.nn.functional.ctc_loss(
        theirs.log_softmax(-1).transpose(0, 1),
        targets,
        n_slots,
        lengths,
        reduction="none",
        zero_infinity=True,
    )
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)
    torch.autograd.backward([loss.sum(), expected.sum()])
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-4)


@given(st.integers(0, 10_000), st.lists(st.integers(1, 3), max_size=2))
def test_the_best_path_is_the_best_of_those_that_begin_with_the_prefix(
    seed: int, prefix: list[int]
) -> None:
    scores = log_probs(seed, 5)
    path = best_path(scores, prefix)
    assert collapse(path)[: len(prefix)] == prefix
    best = max(
        probability(scores, other)
        for other in every_path(5)
        if collapse(other)[: len(prefix)] == prefix
    )
    assert probability(scores, path) == pytest.approx(best, abs=1e-4)


def test_a_prefix_that_does_not_fit_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        best_path(log_probs(1, 3), [1, 1, 2])
