"""Searches, on untrained models: with random weights every token is a close call."""

from collections.abc import Sequence
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.autoregressive import AutoregressiveTransformer, IncrementalDecoder
from models.decoding import Bias, Writer, beam_search, greedy
from models.speculation import follow
from models.tokenizer import BOS_ID, EOS_ID
from models.translator_config import source_ids
from tests.models.translators import SENTENCES, talkative, tokenizer

MODEL = talkative()
SOURCE = source_ids(tokenizer().encode(SENTENCES[0])[:7], finished=True)
TOKENS = st.integers(EOS_ID + 1, MODEL.config.vocab_size - 1)


def obvious_greedy(
    model: AutoregressiveTransformer, source: list[int], previous: list[int], beta: float
) -> list[int]:
    """Biased greedy search by the definition, without caches."""
    written: list[int] = []
    while len(written) < 2 * len(source) + 16:
        target = torch.tensor([[BOS_ID, *written]])
        states = model(torch.tensor([source]), torch.tensor([len(source)]), target)
        probabilities = (1 - beta) * model.project(states)[0, -1].softmax(dim=-1)
        if written == previous[: len(written)] and len(written) < len(previous):
            probabilities[previous[len(written)]] += beta
        token = int(probabilities.argmax())
        if token == EOS_ID:
            break
        written.append(token)
    return written


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 50), st.lists(TOKENS, max_size=12), st.sampled_from([0.0, 0.3, 0.6]))
@torch.inference_mode()
def test_biased_greedy_search_equals_the_definition(
    seed: int, previous: list[int], beta: float
) -> None:
    model = talkative(seed=seed)
    expected = obvious_greedy(model, SOURCE, previous, beta)
    assert greedy(model, SOURCE, bias=Bias(previous, beta)) == expected


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 50),
    st.sampled_from([0.0, 0.3, 0.6]),
    st.lists(TOKENS, max_size=4),
    st.integers(0, 30),
    st.lists(TOKENS, max_size=8),
)
@torch.inference_mode()
def test_speculative_decoding_writes_what_biased_greedy_search_writes(
    seed: int, beta: float, prefix: list[int], n_kept: int, rest: list[int]
) -> None:
    model = talkative(seed=seed)
    # A previous output as re-translators have it: the beginning of this one, then something else.
    previous = [*greedy(model, SOURCE, prefix)[:n_kept], *rest]
    plain = greedy(model, SOURCE, prefix, bias=Bias(previous, beta))
    draft = partial(follow, previous)
    assert greedy(model, SOURCE, prefix, bias=Bias(previous, beta), propose=draft) == plain


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 50), st.data())
@torch.inference_mode()
def test_no_proposal_changes_what_is_written(seed: int, data: st.DataObject) -> None:
    model = talkative(seed=seed)
    plain = greedy(model, SOURCE)

    def propose(written: Sequence[int]) -> Sequence[int]:
        n = len(written)
        right = plain[n : n + data.draw(st.integers(0, 5))]
        return [*right, *data.draw(st.lists(TOKENS, max_size=3))]

    assert greedy(model, SOURCE, propose=propose) == plain


def test_a_right_draft_is_verified_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[Tensor] = []
    verify = IncrementalDecoder.verify

    def counted(decoder: IncrementalDecoder, tokens: Tensor) -> Tensor:
        passes.append(tokens)
        return verify(decoder, tokens)

    monkeypatch.setattr(IncrementalDecoder, "verify", counted)
    with torch.inference_mode():
        model = talkative(seed=2)
        plain = greedy(model, SOURCE)
        n_plain = len(passes)
        assert greedy(model, SOURCE, propose=partial(follow, plain)) == plain
    assert n_plain == len(plain) + 1 > 5
    assert len(passes) == n_plain + 1


@torch.inference_mode()
def test_a_strong_bias_repeats_the_previous_output_and_goes_on_behind_it() -> None:
    previous = tokenizer().encode(SENTENCES[1])[:5]
    biased = greedy(MODEL, SOURCE, bias=Bias(previous, 0.99))
    assert biased[:5] == previous
    searched = beam_search(MODEL, SOURCE, beam=3, bias=Bias(previous, 0.99))
    assert searched[:5] == previous


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 50), st.lists(TOKENS, max_size=6), st.sampled_from([0.0, 0.3]))
@torch.inference_mode()
def test_a_beam_of_one_is_greedy(seed: int, previous: list[int], beta: float) -> None:
    model, bias = talkative(seed=seed), Bias(previous, beta)
    assert beam_search(model, SOURCE, beam=1, bias=bias) == greedy(model, SOURCE, bias=bias)


def mean_log_prob(model: AutoregressiveTransformer, target: list[int]) -> float:
    inputs = torch.tensor([[BOS_ID, *target]])
    states = model(torch.tensor([SOURCE]), torch.tensor([len(SOURCE)]), inputs)
    scores = model.project(states)[0].log_softmax(dim=-1)
    return float(scores.gather(1, torch.tensor([*target, EOS_ID])[:, None]).mean())


@pytest.mark.parametrize("seed", range(5))
@torch.inference_mode()
def test_a_wide_beam_finds_a_translation_at_least_as_likely(seed: int) -> None:
    model = talkative(seed=seed)
    best = beam_search(model, SOURCE, beam=16)
    assert mean_log_prob(model, best) >= mean_log_prob(model, greedy(model, SOURCE)) - 1e-9


@torch.inference_mode()
def test_every_search_begins_with_its_forced_prefix() -> None:
    prefix = tokenizer().encode("Wir haben")
    assert greedy(MODEL, SOURCE, prefix)[: len(prefix)] == prefix
    assert beam_search(MODEL, SOURCE, prefix, beam=2)[: len(prefix)] == prefix


@torch.inference_mode()
def test_a_writer_predicts_anew_when_more_source_was_read() -> None:
    model = talkative("wait-k")
    target = tokenizer().encode("Wir")
    writer = Writer(model)
    writer.read(SOURCE[:3])
    writer.predict()
    writer.read(SOURCE, n_known=3)
    fresh = Writer(model)
    fresh.read(SOURCE)
    torch.testing.assert_close(writer.predict(), fresh.predict())
    writer.written += target
    fresh.written += target
    torch.testing.assert_close(writer.predict(), fresh.predict())


@torch.inference_mode()
def test_a_rejected_draft_leaves_no_trace() -> None:
    writer, fresh = Writer(MODEL), Writer(MODEL)
    for each in (writer, fresh):
        each.read(SOURCE)
    writer.predict(tokenizer().encode("Meine Schwester"))
    for token in tokenizer().encode("Wir haben"):
        writer.written.append(token)
        fresh.written.append(token)
        torch.testing.assert_close(writer.predict(), fresh.predict())
