"""N-gram losses, against all paths of small outputs, one by one."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.ctc_paths import BLANK_ID, collapse
from models.losses import eisl_loss, nmla_loss

N_SLOTS, N_LABELS = 5, 3

TARGETS = st.lists(st.integers(1, N_LABELS), max_size=4)


def scores(seed: int, batch: int = 1) -> Tensor:
    """Random log-probabilities, (batch, slots, labels and blank)."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(batch, N_SLOTS, N_LABELS + 1, generator=generator).double()
    return logits.log_softmax(dim=-1)


def paths(log_probs: Tensor) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every path of one row, and its probability."""
    for path in itertools.product(range(N_LABELS + 1), repeat=len(log_probs)):
        total = sum(float(log_probs[slot, label]) for slot, label in enumerate(path))
        yield path, math.exp(total)


def slow_nmla(log_probs: Tensor, target: Sequence[int]) -> float:
    """By the definition."""
    expected: defaultdict[tuple[int, int], float] = defaultdict(float)
    for path, probability in paths(log_probs):
        for bigram in itertools.pairwise(collapse(path)):
            expected[bigram] += probability
    wanted = Counter(itertools.pairwise(target))
    if not wanted:
        return 0.0
    matched = sum(min(expected[bigram], count) for bigram, count in wanted.items())
    return 1 - 2 * matched / (sum(expected.values()) + sum(wanted.values()))


def slow_eisl(log_probs: Tensor, target: Sequence[int], orders: Sequence[int]) -> float:
    """By the definition."""
    by_order = []
    for order in orders:
        losses = []
        for start in range(len(target) - order + 1):
            gram = list(target[start : start + order])
            at_slot = [0.0] * len(log_probs)
            for path, probability in paths(log_probs):
                for slot in ends_of(path, gram):
                    at_slot[slot] += probability
            total = sum(at_slot)
            if total > 0:
                losses.append(-sum(p / total * math.log(p) for p in at_slot if p > 0))
        if losses:
            by_order.append(sum(losses) / len(losses))
    return sum(by_order) / len(by_order) if by_order else 0.0


def ends_of(path: Sequence[int], gram: Sequence[int]) -> Iterator[int]:
    """Slots where the first token of the n-gram ends, each time that the output has it."""
    runs = [
        (label, list(slots)[-1])
        for label, slots in itertools.groupby(range(len(path)), key=path.__getitem__)
    ]
    tokens = [(label, end) for label, end in runs if label != BLANK_ID]
    for start in range(len(tokens) - len(gram) + 1):
        if [label for label, _ in tokens[start : start + len(gram)]] == gram:
            yield tokens[start][1]


@settings(max_examples=40)
@given(st.integers(0, 1000), TARGETS)
def test_nmla_is_what_the_paths_say_one_by_one(seed: int, target: list[int]) -> None:
    log_probs = scores(seed)
    found = nmla_loss(
        log_probs,
        torch.tensor([N_SLOTS]),
        torch.tensor([target], dtype=torch.long).view(1, -1),
        torch.tensor([len(target)]),
    )
    assert float(found) == pytest.approx(slow_nmla(log_probs[0], target), abs=1e-9)


@settings(max_examples=40)
@given(st.integers(0, 1000), TARGETS, st.sampled_from([(2,), (3,), (2, 3, 4)]))
def test_eisl_is_what_the_paths_say_one_by_one(
    seed: int, target: list[int], orders: tuple[int, ...]
) -> None:
    log_probs = scores(seed)
    found = eisl_loss(
        log_probs,
        torch.tensor([N_SLOTS]),
        torch.tensor([target], dtype=torch.long).view(1, -1),
        torch.tensor([len(target)]),
        orders,
    )
    assert float(found) == pytest.approx(slow_eisl(log_probs[0], target, orders), abs=1e-9)


@pytest.mark.parametrize("loss", [nmla_loss, eisl_loss])
@settings(max_examples=15)
@given(st.integers(0, 1000), TARGETS, TARGETS, st.integers(1, N_SLOTS))
def test_padding_changes_no_loss(
    loss: Callable[..., Tensor], seed: int, one: list[int], two: list[int], n_slots: int
) -> None:
    log_probs = scores(seed, batch=2)
    width = max(len(one), len(two)) + 1
    targets = torch.tensor([row + [2] * (width - len(row)) for row in (one, two)])
    together = loss(
        log_probs, torch.tensor([N_SLOTS, n_slots]), targets, torch.tensor([len(one), len(two)])
    )
    alone = loss(
        log_probs[1:, :n_slots],
        torch.tensor([n_slots]),
        targets[1:, : len(two)],
        torch.tensor([len(two)]),
    )
    assert float(together[1]) == pytest.approx(float(alone), abs=1e-9)


@pytest.mark.parametrize("loss", [nmla_loss, eisl_loss])
def test_gradients_are_finite_and_lead_to_the_bigrams_in_any_order(
    loss: Callable[..., Tensor],
) -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 8, N_LABELS + 1, requires_grad=True)
    target, lengths = torch.tensor([[1, 2, 3]]), torch.tensor([3])
    optimizer = torch.optim.Adam([logits], lr=0.2)
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(logits.log_softmax(dim=-1), torch.tensor([8]), target, lengths).mean()
        torch.autograd.backward(value)
        assert logits.grad is not None
        assert bool(torch.isfinite(logits.grad).all())
        optimizer.step()
    output = collapse(logits[0].argmax(dim=-1).tolist())
    assert set(itertools.pairwise(output)) >= {(1, 2), (2, 3)}


@pytest.mark.parametrize("loss", [nmla_loss, eisl_loss])
def test_a_target_that_cannot_stand_there_has_a_finite_gradient(
    loss: Callable[..., Tensor],
) -> None:
    logits = torch.randn(1, 2, N_LABELS + 1, requires_grad=True)
    value = loss(
        logits.log_softmax(dim=-1),
        torch.tensor([2]),
        torch.tensor([[1, 1, 2, 3]]),
        torch.tensor([4]),
    )
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    assert bool(torch.isfinite(value).all())
    assert bool(torch.isfinite(gradient).all())
