"""What a recogniser, or a user, can do to a translator: every policy, every engine."""

from contextlib import suppress
from pathlib import Path

import pytest

from engine.policies.config import PolicyConfig
from engine.policies.loader import load_translator
from engine.translator import Translator
from models.checkpoint import save_checkpoint
from models.export.translator import export_translator
from tests.models.translators import (
    SENTENCES,
    autoregressive,
    fretna,
    hybrid,
    levt,
    stream_fretna,
    tokenizer,
)

LOSSLESS = PolicyConfig(lossless=True)
POLICIES = {
    "reta": ("reta", PolicyConfig()),
    "reta, speculative and biased": ("reta", PolicyConfig(speculative=True, bias=0.3)),
    "reta, beam": ("reta", PolicyConfig(beam=2, bias=0.3)),
    "reta, CTranslate2": ("reta-ctranslate2", PolicyConfig(bias=0.3)),
    "reta, ONNX": ("reta-onnx", PolicyConfig(speculative=True)),
    "wait-k": ("wait-k", PolicyConfig(wait=2)),
    "wait-k, ONNX": ("wait-k-onnx", PolicyConfig(wait=2)),
    "ctc": ("ctc", PolicyConfig()),
    "ctc, lossless": ("ctc", LOSSLESS),
    "levt": ("levt", PolicyConfig(iterations=2, eos_penalty=1.0)),
    "hybrid": ("hybrid", PolicyConfig()),
    "stream": ("stream", PolicyConfig()),
    "stream, ONNX": ("stream-onnx", PolicyConfig()),
}
ODD = {
    "emoji": "😀 👩‍👩‍👧‍👦 🇩🇪",
    "scripts": "日本語 العربية हिन्दी ไทย",
    "symbols": "∑ ⌘ ␀ \ufffd \u200b",
    "control": "the\x00 old\x07 man\x1b[2J",
    "surrogate": "the \ud800 old",
    "combining": "e" + "\u0301" * 30,
    "markup": "</s> <s> <unk> <pad> ▁ <0x00>",
    "nothing but space": " \t\n\u3000 ",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of all kinds and forms, and what they are exported to."""
    directory = tmp_path_factory.mktemp("systems")
    for name, network in (
        ("reta", autoregressive()),
        ("wait-k", autoregressive("wait-k")),
        ("ctc", fretna()),
        ("levt", levt()),
        ("hybrid", hybrid()),
        ("stream", stream_fretna()),
    ):
        save_checkpoint(directory / name, network.config.to_dict(), network, tokenizer().model)
    for name, engine in (
        ("reta", "ctranslate2"),
        *((n, "onnx") for n in ("reta", "wait-k", "stream")),
    ):
        export_translator(
            directory / name, directory / f"{name}-{engine}", int8=True, engine=engine
        )
    return directory


@pytest.fixture(params=POLICIES)
def translator(request: pytest.FixtureRequest, folder: Path) -> Translator:
    """One of them."""
    name, policy = POLICIES[request.param]
    verifier = folder / "reta" if policy.lossless else None
    return load_translator(folder / name, policy=policy, verifier=verifier)


def test_a_prefix_that_is_too_long_is_named_and_the_session_goes_on(
    translator: Translator,
) -> None:
    session = translator.start()
    session.update("the old man", finished=False)
    with pytest.raises(ValueError, match="longer than the 48"):
        session.update("house " * 60, finished=False)
    again = session.update("the old man", finished=False)
    assert (
        session.update("the old man reads", finished=True).words[: again.n_fixed]
        == (again.words[: again.n_fixed])
    )


def test_an_empty_prefix_has_no_translation_but_what_is_committed(translator: Translator) -> None:
    session = translator.start()
    for text in ("", "  "):
        assert session.update(text, finished=False).words == ()
    first = session.update(SENTENCES[0], finished=False)
    committed = first.words[: first.n_fixed] or first.words[:1]
    assert session.update("", finished=True, committed=committed).words[: len(committed)] == (
        committed
    )


def test_a_prefix_that_shrinks_keeps_what_is_committed(translator: Translator) -> None:
    session = translator.start()
    words = SENTENCES[0].split()
    committed: tuple[str, ...] = ()
    for index, n_read in enumerate((6, 7, 2, 0, 1, 5, 8)):
        prefix, finished = " ".join(words[:n_read]), index == 6
        hypothesis = session.update(prefix, finished=finished, committed=committed)
        assert hypothesis.words[: len(committed)] == committed
        committed = hypothesis.words[: max(len(committed), hypothesis.n_fixed, n_read // 3)]


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_text_is_translated_or_refused_and_the_session_goes_on(
    translator: Translator, text: str
) -> None:
    session = translator.start()
    for prefix, finished in ((text, False), ("the old man", True)):
        with suppress(ValueError):  # the tiny models read no more than 48 tokens
            hypothesis = session.update(prefix, finished=finished)
            assert all(word.isprintable() and word for word in hypothesis.words)
            assert not any(letter.isspace() for letter in "".join(hypothesis.words))


@pytest.mark.parametrize("committed", [("日本", "😀"), ("Haus",) * 40, ("\u200b",), ("</s>",)])
def test_committed_words_that_the_model_cannot_spell_stay(
    translator: Translator, committed: tuple[str, ...]
) -> None:
    with suppress(ValueError):  # they may be more than the model can write
        hypothesis = translator.start().update("the old man", finished=True, committed=committed)
        if hypothesis.n_fixed < len(hypothesis.words):  # Wait-k fixes its own words only
            assert hypothesis.words[: len(committed)] == committed
