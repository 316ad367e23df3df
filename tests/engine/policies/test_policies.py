from functools import partial
from pathlib import Path
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.policies.config import PolicyConfig
from engine.policies.edits import EditTranslator, HybridTranslator
from engine.policies.fretna import FretnaTranslator
from engine.policies.loader import load_translator
from engine.policies.networks import verify_drafts
from engine.policies.reta import RetaTranslator
from engine.policies.slots import PathReader
from engine.policies.stream import StreamFretnaTranslator
from engine.policies.wait_k import WaitKTranslator
from engine.translator import Translator
from models.autoregressive import AutoregressiveTransformer
from models.checkpoint import save_checkpoint
from models.ctc_paths import BLANK_ID, collapse
from models.decoding import Writer
from models.errors import CheckpointError
from models.ngram import NGRAM_FILE
from models.slot_search import SlotSearch
from models.stream_fretna import SlotWindow
from models.tokenizer import BOS_ID, EOS_ID
from models.training.ngram import train_ngram
from models.translator_config import source_ids
from tests.models.translators import (
    SENTENCES,
    autoregressive,
    fretna,
    hybrid,
    language_model,
    levt,
    stream_fretna,
    talkative,
    tokenizer,
)

WORDS = SENTENCES[0].split()


def stream_translator() -> StreamFretnaTranslator:
    model = stream_fretna()
    search = SlotSearch(language_model(SENTENCES[1::2]), tokenizer().ends_word)
    return StreamFretnaTranslator(model.config, tokenizer(), partial(SlotWindow, model), search)


def wait_k(model: AutoregressiveTransformer, *, wait: int) -> WaitKTranslator:
    return WaitKTranslator(model.config, tokenizer(), lambda: Writer(model), wait=wait)


def translators() -> list[Translator]:
    return [
        FretnaTranslator(fretna(), tokenizer()),
        stream_translator(),
        EditTranslator(levt(), tokenizer(), PolicyConfig(iterations=2)),
        HybridTranslator(hybrid(), tokenizer(), PolicyConfig()),
        RetaTranslator(autoregressive(), tokenizer()),
        RetaTranslator(autoregressive(), tokenizer(), PolicyConfig(speculative=True, bias=0.3)),
        RetaTranslator(autoregressive(), tokenizer(), PolicyConfig(beam=2, bias=0.3)),
        verify_drafts(fretna(), autoregressive(), tokenizer()),
        wait_k(autoregressive("wait-k"), wait=2),
    ]


@pytest.mark.parametrize("translator", translators(), ids=lambda t: type(t).__name__)
@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from([*WORDS, "😀", "日本"]), max_size=6), st.integers(0, 3)),
        min_size=1,
        max_size=5,
    )
)
def test_committed_words_stay_whatever_the_source_does(
    translator: Translator, updates: list[tuple[list[str], int]]
) -> None:
    session = translator.start()
    committed: tuple[str, ...] = ()
    for index, (words, n_more) in enumerate(updates):
        finished = index == len(updates) - 1
        hypothesis = session.update(" ".join(words), finished=finished, committed=committed)
        assert hypothesis.words[: len(committed)] == committed
        assert hypothesis.n_fixed >= min(len(committed), len(hypothesis.words))
        committed = hypothesis.words[: max(len(committed) + n_more, hypothesis.n_fixed)]


@pytest.mark.parametrize("translator", translators(), ids=lambda t: type(t).__name__)
def test_an_empty_prefix_has_no_translation(translator: Translator) -> None:
    assert translator.start().update("", finished=False).words == ()
    assert translator.start().update("  ", finished=True).words == ()


@pytest.mark.parametrize("translator", translators(), ids=lambda t: type(t).__name__)
def test_a_prefix_longer_than_the_model_reads_is_a_value_error(translator: Translator) -> None:
    with pytest.raises(ValueError, match="longer than the 48"):
        translator.start().update("house " * 60, finished=True)


def test_wait_k_writes_only_as_many_words_as_the_policy_allows() -> None:
    translator = wait_k(autoregressive("wait-k"), wait=3)
    session = translator.start()
    for n_read in range(1, len(WORDS) + 1):
        hypothesis = session.update(" ".join(WORDS[:n_read]), finished=False)
        assert len(hypothesis.words) <= max(0, n_read - 3 + 1)


def test_wait_k_writes_the_same_whether_it_reads_by_word_or_at_once() -> None:
    translator = wait_k(autoregressive("wait-k"), wait=99)
    by_word, at_once = translator.start(), translator.start()
    for n_read in range(1, len(WORDS)):
        by_word.update(" ".join(WORDS[:n_read]), finished=False)
    text = " ".join(WORDS)
    assert by_word.update(text, finished=True) == at_once.update(text, finished=True)


def test_reta_without_committed_words_forgets_its_past() -> None:
    translator = RetaTranslator(autoregressive(), tokenizer())
    session = translator.start()
    for n_read in range(1, len(WORDS)):
        session.update(" ".join(WORDS[:n_read]), finished=False)
    text = " ".join(WORDS)
    assert session.update(text, finished=True) == translator.start().update(text, finished=True)


def test_a_checkpoint_of_each_kind_becomes_its_policy(tmp_path: Path) -> None:
    for kind, model, policy in (
        ("fretna", fretna(), FretnaTranslator),
        ("stream", stream_fretna(), StreamFretnaTranslator),
        ("levt", levt(), EditTranslator),
        ("hybrid", hybrid(), HybridTranslator),
        ("reta", autoregressive(), RetaTranslator),
        ("wait-k", autoregressive("wait-k"), WaitKTranslator),
    ):
        save_checkpoint(tmp_path / kind, model.config.to_dict(), model, tokenizer().model)
        translator = load_translator(tmp_path / kind)
        assert isinstance(translator, policy)
        assert (translator.source_lang, translator.target_lang) == ("en", "de")


def test_a_checkpoint_of_a_recogniser_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, {"kind": "owsm-ctc"}, fretna(), tokenizer().model)
    with pytest.raises(CheckpointError, match="owsm-ctc"):
        load_translator(tmp_path)


def test_wait_k_that_finds_no_end_stops_where_its_model_can_write_no_more() -> None:
    model = autoregressive("wait-k")
    with torch.no_grad():
        model.embedding.weight[EOS_ID] = 0
    source = "we " * ((model.config.max_tokens - 1) // len(tokenizer().encode("we")))
    assert wait_k(model, wait=1).start().update(source, finished=True).words


def test_wait_k_needs_a_head_start() -> None:
    with pytest.raises(ValueError, match="wait 0"):
        wait_k(autoregressive("wait-k"), wait=0)


def test_an_update_of_the_stream_form_keeps_what_lies_left_of_its_window() -> None:
    session = stream_translator().start()
    tokens = tokenizer().encode(" ".join(SENTENCES))
    text = ""
    shown: tuple[str, ...] = ()
    for token in tokens[:20]:
        text = (text + tokenizer().pieces[token].replace("▁", " ")).lstrip()
        hypothesis = session.update(text, finished=False)
        assert hypothesis.words[: len(shown) - 6] == shown[: len(hypothesis.words)][:-6]
        shown = hypothesis.words


def test_a_lone_punctuation_mark_joins_the_word_before_it() -> None:
    translator = FretnaTranslator(fretna(), tokenizer())
    tokens = [token for text in ("Wir haben", ".", "Wo") for token in tokenizer().encode(text)]
    assert tokenizer().decode(tokens) == "Wir haben . Wo"
    assert translator.words(tokens) == ("Wir", "haben.", "Wo")
    assert translator.word_ends(tokens)[1] == len(tokens) - len(tokenizer().encode("Wo"))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_words_read_piece_by_piece_are_those_of_the_whole_path(
    n_new: list[int], random: Random
) -> None:
    translator = stream_translator()
    pieces = [token for text in SENTENCES for token in tokenizer().encode(text)]
    labels = [*pieces, BLANK_ID, *tokenizer().encode(".")]
    reader, path = PathReader(translator), list[int]()
    for n in n_new:
        n_settled = random.randint(max(0, len(path) - 4), len(path))
        path = path[:n_settled] + random.choices(labels, k=n)
        assert reader.words(path, n_settled) == translator.words(collapse(path))


def test_a_language_model_of_another_tokeniser_is_refused(tmp_path: Path) -> None:
    model = stream_fretna()
    save_checkpoint(tmp_path, model.config.to_dict(), model, tokenizer().model)
    train_ngram([[4, 5]], ["a", "b", "c", "d", "e", "f"], min_counts=(1, 1)).save(
        tmp_path / NGRAM_FILE
    )
    with pytest.raises(CheckpointError, match="another tokeniser"):
        load_translator(tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_wait_k_with_its_caches_writes_what_the_whole_model_writes_without(seed: int) -> None:
    model = talkative("wait-k", seed=seed)
    writer = Writer(model)
    session = WaitKTranslator(model.config, tokenizer(), lambda: writer, wait=2).start()
    n_visible: list[int] = []  # source tokens read when each target token was written
    for n_read in range(1, len(WORDS) + 1):
        finished = n_read == len(WORDS)
        source = source_ids(tokenizer().encode(" ".join(WORDS[:n_read])), finished=finished)
        session.update(" ".join(WORDS[:n_read]), finished=finished)
        written = writer.written
        n_visible += [len(source)] * (len(written) - len(n_visible))
    visible = torch.arange(len(source)) < torch.tensor(n_visible)[:, None]
    inputs = torch.tensor([[BOS_ID, *written[:-1]]])
    with torch.inference_mode():
        states = model(torch.tensor([source]), torch.tensor([len(source)]), inputs, visible[None])
        assert model.project(states)[0].argmax(dim=-1).tolist() == written
