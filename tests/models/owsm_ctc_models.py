"""Tiny OWSM-CTC models and tokenisers for the tests; always the same ones."""

import io
from functools import cache
from typing import Any, TypedDict

import sentencepiece
import torch

from models.owsm_ctc.config import OwsmCtcConfig
from models.owsm_ctc.model import OwsmCtc
from models.owsm_ctc.vocabulary import build_tokens

TEXT = ["the meeting will start at nine", "please open the window", "we have the time now"]


class RowSettings(TypedDict):
    """What `log_probs` is told of the rows of its batch."""

    lang: list[str]
    task: list[str]
    prompt: list[str | None]


ENGLISH_ASR: RowSettings = {"lang": ["<eng>"], "task": ["<asr>"], "prompt": [None]}


@cache
def tiny_tokenizer() -> sentencepiece.SentencePieceProcessor:
    """A tokeniser of 28 pieces; the first three are `<unk>`, `<s>`, `</s>`."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 20),
        model_writer=written,
        vocab_size=28,
        model_type="unigram",
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())


def tiny_config(**changes: Any) -> OwsmCtcConfig:
    """Four blocks of width 16, with prompt attention, inter-CTC and self-conditioning."""
    sizes: dict[str, Any] = {
        "tokens": build_tokens(tiny_tokenizer(), ["deu", "eng"], ["deu"]),
        "n_mels": 20,
        "width": 16,
        "n_blocks": 4,
        "n_heads": 2,
        "feed_forward_width": 24,
        "gate_width": 24,
        "gate_kernel": 3,
        "merge_kernel": 3,
        "cross_attention_blocks": (0, 2),
        "inter_ctc_blocks": (1, 3),
        "prompt_width": 12,
        "prompt_blocks": 1,
        "prompt_heads": 2,
        "prompt_feed_forward_width": 24,
        "buffer_s": 2.4,
    }
    return OwsmCtcConfig(**{**sizes, **changes})


def tiny_model(seed: int = 0, **changes: Any) -> OwsmCtc:
    """A seeded model in evaluation mode whose outputs differ clearly from frame to frame."""
    torch.manual_seed(seed)
    model = OwsmCtc(tiny_config(**changes), tiny_tokenizer())
    with torch.no_grad():
        model.head.weight.mul_(4.0)
    return model.eval()
