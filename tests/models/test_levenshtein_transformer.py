from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.levenshtein import PLACEHOLDER
from models.levenshtein_transformer import EditingNetwork, EncodedSource, LevenshteinTransformer
from models.tokenizer import EOS_ID, PAD_ID
from models.translation import pad
from models.translator_config import source_ids
from tests.models.translators import SENTENCES, hybrid, levt, tokenizer

SOURCES = [source_ids(tokenizer().encode(text), finished=True) for text in SENTENCES[::2]]
DRAFTS = [
    tokenizer().encode(text)[:n] for text, n in zip(SENTENCES[1::2], (3, 9, 0, 5), strict=True)
]
TOKENS = st.integers(EOS_ID + 1, tokenizer().vocab_size - 1)


def restless(seed: int) -> LevenshteinTransformer:
    """An untrained model that deletes, inserts and keeps."""
    model = levt(seed).double()
    with torch.no_grad():
        for parameter in (*model.layers.parameters(), *model.heads.parameters()):
            parameter.mul_(4 if parameter.dim() > 1 else 1)
        model.heads.placeholders.weight[3:] = 0
        model.heads.placeholders.bias[3:] = -100
    return model


def rows(tokens: Tensor) -> list[list[int]]:
    return [[token for token in row if token != PAD_ID] for row in tokens.tolist()]


def refine(model: EditingNetwork, drafts: Sequence[Sequence[int]], **how: int) -> list[list[int]]:
    with torch.inference_mode():
        return rows(model.refine(pad(drafts)[0], model.read(*pad(SOURCES[: len(drafts)])), **how))


@pytest.mark.parametrize("seed", range(3))
def test_padding_changes_no_edit(seed: int) -> None:
    model = restless(seed)
    together = refine(model, DRAFTS, n_iterations=2)
    with torch.inference_mode():
        alone = [
            rows(model.refine(pad([draft])[0], model.read(*pad([source])), n_iterations=2))[0]
            for draft, source in zip(DRAFTS, SOURCES, strict=True)
        ]
    assert together == alone
    assert together != DRAFTS


@settings(max_examples=15)
@given(st.integers(0, 20), st.lists(TOKENS, max_size=8), st.integers(0, 8), st.integers(1, 3))
def test_forced_tokens_stay_and_nothing_grows_beyond_the_limit(
    seed: int, draft: list[int], n_forced: int, n_iterations: int
) -> None:
    n_forced = min(n_forced, len(draft))
    (edited,) = refine(restless(seed), [draft], n_forced=n_forced, n_iterations=n_iterations)
    assert edited[:n_forced] == draft[:n_forced]
    assert len(edited) <= max(2 * len(SOURCES[0]) + 16, len(draft))
    assert all(token > EOS_ID for token in edited)


def test_a_penalty_on_opening_nothing_makes_the_output_longer() -> None:
    model = restless(1)
    lengths = []
    for penalty in (-50.0, 0.0, 50.0):
        with torch.inference_mode():
            source = model.read(*pad(SOURCES))
            edited = model.refine(pad(DRAFTS)[0], source, eos_penalty=penalty)
        lengths.append(sum(map(len, rows(edited))))
    assert lengths[0] < lengths[1] < lengths[2]


def test_editing_ends_when_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = levt()
    with torch.no_grad():
        model.heads.deletion.bias[0] = 100.0
        model.heads.placeholders.bias[0] = 100.0
    passes: list[Tensor] = []
    states = LevenshteinTransformer.edit_states

    def counted(model: LevenshteinTransformer, tokens: Tensor, source: EncodedSource) -> Tensor:
        passes.append(tokens)
        return states(model, tokens, source)

    monkeypatch.setattr(LevenshteinTransformer, "edit_states", counted)
    assert refine(model, DRAFTS, n_iterations=5) == DRAFTS
    assert len(passes) == 2


def test_the_offset_tells_the_end_from_the_inside() -> None:
    model = levt()
    with torch.no_grad():
        model.heads.offset.weight[0] = 100 * torch.randn(16)  # EOS, so: the last gap alone
    tokens = pad([DRAFTS[0]])[0]
    with torch.inference_mode():
        source = model.read(*pad(SOURCES[:1]))
        states = model.edit_states(tokens, source)
        lengths = torch.tensor([len(DRAFTS[0])])
        changed = model.heads.count_placeholders(states, lengths)
        model.heads.offset.weight.zero_()
        plain = model.heads.count_placeholders(states, lengths)
    torch.testing.assert_close(changed[:, :-1], plain[:, :-1])
    assert float((changed[:, -1] - plain[:, -1]).abs().max()) > 1


def test_placeholders_are_seen_and_special_tokens_are_not_filled_in() -> None:
    model = levt()
    with torch.no_grad():
        model.embedding.weight[EOS_ID] *= 100
    tokens = pad([[*DRAFTS[0], PLACEHOLDER, PLACEHOLDER]])[0]
    with torch.inference_mode():
        (filled,) = model.fill_placeholders(tokens, model.read(*pad(SOURCES[:1]))).tolist()
    assert filled[: len(DRAFTS[0])] == DRAFTS[0]
    assert all(token > EOS_ID for token in filled)


def test_the_hybrid_drafts_and_edits_with_the_same_decoder() -> None:
    model = hybrid()
    with torch.inference_mode():
        assert any(model.paths_batch(SOURCES)[0])
        before = model.edit_states(pad(DRAFTS)[0], model.read(*pad(SOURCES)))
        model.get_parameter("layers.0.feed_forward.inner.weight").zero_()
        after = model.edit_states(pad(DRAFTS)[0], model.read(*pad(SOURCES)))
    assert not torch.allclose(before, after)
    assert len(refine(model, DRAFTS)) == len(DRAFTS)
