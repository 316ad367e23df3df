import pytest
import torch

from models.training.projection import (
    project_best,
    project_labels,
    sample_vocabulary,
    smoothed_cross_entropy,
)


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    dice = torch.Generator().manual_seed(1)
    states = torch.randn(1100, 6, generator=dice)
    weight = torch.randn(40, 6, generator=dice)
    labels = torch.randint(0, 40, (1100, 3), generator=dice)
    labels[:, 2] = labels[:, 1]  # a label may be asked for twice
    return states, weight, labels


def test_scores_and_gradients_are_those_of_the_whole_projection() -> None:
    states, weight, labels = inputs()
    factor = torch.randn(1100, 3, generator=torch.Generator().manual_seed(2))
    results = []
    for in_blocks in (True, False):
        a, b = states.clone().requires_grad_(), weight.clone().requires_grad_()
        if in_blocks:
            picked, normaliser = project_labels(a, b, labels)
        else:
            logits = a @ b.T
            picked, normaliser = logits.gather(1, labels), logits.logsumexp(dim=1)
        torch.autograd.backward(((picked * factor).sum(dim=1) - 2 * normaliser).sum())
        results.append((picked, normaliser, a.grad, b.grad))
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_the_best_label_is_that_of_the_whole_projection() -> None:
    states, weight, labels = inputs()
    picked, best = project_best(states, weight, labels)
    logits = states @ weight.T
    assert torch.equal(best, logits.argmax(dim=1))
    torch.testing.assert_close(picked, logits.gather(1, labels), rtol=1e-4, atol=1e-4)


def test_a_sample_holds_every_label_and_stands_for_the_whole_vocabulary() -> None:
    labels = torch.tensor([[3, 7], [7, 30]])
    torch.manual_seed(1)
    sample = sample_vocabulary(labels, 40, 10)
    assert len(torch.unique(sample.ids)) == len(sample.ids) == 13
    assert torch.equal(sample.ids[sample.labels], labels)
    assert float(sample.bias.exp().sum()) == pytest.approx(40)


def test_the_normaliser_of_a_sample_estimates_that_of_the_vocabulary() -> None:
    states, weight, labels = inputs()
    _, exact = project_labels(states, weight, labels)
    estimates = []
    for seed in range(200):
        torch.manual_seed(seed)
        sample = sample_vocabulary(labels[:2], 40, 20)
        part = weight[sample.ids]
        _, normaliser = project_labels(states[:2], part, sample.labels, sample.bias)
        estimates.append(normaliser.exp())
    torch.testing.assert_close(
        torch.stack(estimates).mean(dim=0), exact[:2].exp(), rtol=0.1, atol=0.0
    )


def test_a_sampled_cross_entropy_is_close_to_that_of_the_whole_vocabulary() -> None:
    states, weight, labels = inputs()
    rows, wanted = states[:4], labels[:4, 0]
    exact = smoothed_cross_entropy(rows, weight, wanted, 0.1)
    estimates = []
    for seed in range(300):
        torch.manual_seed(seed)
        estimates.append(smoothed_cross_entropy(rows, weight, wanted, 0.1, n_sampled=25))
    assert float(torch.stack(estimates).mean()) == pytest.approx(float(exact), abs=0.05)
    everything = smoothed_cross_entropy(rows, weight, wanted, 0.1, n_sampled=40)
    assert float(everything) == pytest.approx(float(exact), abs=1e-5)
