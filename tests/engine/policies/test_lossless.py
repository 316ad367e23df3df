from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.policies.config import PolicyConfig, PolicyError
from engine.policies.loader import load_translator
from engine.policies.networks import verify_drafts
from engine.policies.reta import RetaTranslator
from engine.translator import Translator
from models.autoregressive import IncrementalDecoder
from models.checkpoint import save_checkpoint
from models.errors import CheckpointError
from models.tokenizer import train_tokenizer
from tests.models.translators import SENTENCES, autoregressive, fretna, talkative, tokenizer

WORDS = SENTENCES[0].split()
SPECULATIVE = PolicyConfig(speculative=True)
LOSSLESS = PolicyConfig(lossless=True)


@pytest.mark.parametrize("policy", ["speculative", "lossless"])
@settings(max_examples=10)
@given(st.data())
def test_drafts_change_nothing_sentence_by_sentence(policy: str, data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 30))
    verifier = talkative(seed=seed)
    plain = RetaTranslator(verifier, tokenizer()).start()
    drafting: Translator = RetaTranslator(verifier, tokenizer(), SPECULATIVE)
    if policy == "lossless":
        drafting = verify_drafts(fretna(seed=seed), verifier, tokenizer())
    session = drafting.start()
    committed: tuple[str, ...] = ()
    prefixes = data.draw(st.lists(st.integers(0, len(WORDS)), min_size=1, max_size=5))
    for index, n_read in enumerate(prefixes):
        prefix, finished = " ".join(WORDS[:n_read]), index == len(prefixes) - 1
        expected = plain.update(prefix, finished=finished, committed=committed)
        assert session.update(prefix, finished=finished, committed=committed) == expected
        committed = expected.words[: len(committed) + data.draw(st.integers(0, 1))]


def test_an_update_that_changes_nothing_is_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    session = verify_drafts(fretna(), talkative(seed=2), tokenizer()).start()
    passes: list[Tensor] = []
    verify = IncrementalDecoder.verify

    def counted(decoder: IncrementalDecoder, tokens: Tensor) -> Tensor:
        passes.append(tokens)
        return verify(decoder, tokens)

    monkeypatch.setattr(IncrementalDecoder, "verify", counted)
    first = session.update(SENTENCES[0], finished=True)
    n_first = len(passes)
    assert session.update(SENTENCES[0], finished=True) == first
    assert len(passes) - n_first == 1 < n_first


def save_both(directory: Path, verifier_tokenizer: bytes) -> None:
    for kind, model, model_tokenizer in (
        ("fretna", fretna(), tokenizer().model),
        ("reta", autoregressive(), verifier_tokenizer),
    ):
        save_checkpoint(directory / kind, model.config.to_dict(), model, model_tokenizer)


def test_fretna_and_its_verifier_are_loaded(tmp_path: Path) -> None:
    save_both(tmp_path, tokenizer().model)
    translator = load_translator(tmp_path / "fretna", policy=LOSSLESS, verifier=tmp_path / "reta")
    plain = load_translator(tmp_path / "reta")
    hypothesis = translator.start().update(SENTENCES[0], finished=True)
    assert hypothesis == plain.start().update(SENTENCES[0], finished=True)


def test_a_verifier_of_other_tokens_is_refused(tmp_path: Path) -> None:
    other = train_tokenizer(SENTENCES[::-1], vocab_size=tokenizer().vocab_size - 10)
    save_both(tmp_path, other.model)
    with pytest.raises(CheckpointError, match="tokeniser"):
        load_translator(tmp_path / "fretna", policy=LOSSLESS, verifier=tmp_path / "reta")


def test_only_fretna_with_a_verifier_is_lossless(tmp_path: Path) -> None:
    save_both(tmp_path, tokenizer().model)
    for kind in ("fretna", "reta"):
        with pytest.raises(PolicyError, match=f"not for {kind} alone"):
            load_translator(tmp_path / kind, policy=LOSSLESS)
