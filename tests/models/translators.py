"""Tiny seeded translators and a tiny tokeniser, made once."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import torch

from models.autoregressive import AutoregressiveTransformer
from models.fretna import Fretna
from models.levenshtein_transformer import Hybrid, LevenshteinTransformer
from models.ngram import NgramModel
from models.shortlist import Shortlist
from models.slot_search import place_pieces, placed_vocabulary
from models.stream_fretna import StreamFretna
from models.tokenizer import EOS_ID, Tokenizer, train_tokenizer
from models.training.ngram import train_ngram
from models.training.shortlist import make_shortlist
from models.translator_config import TranslatorConfig

SENTENCES = (
    "we have a small house near the river",
    "Wir haben ein kleines Haus am Fluss.",
    "the old man reads a book every evening",
    "Der alte Mann liest jeden Abend ein Buch.",
    "where is the station please",
    "Wo ist bitte der Bahnhof?",
    "my sister lives in a big city",
    "Meine Schwester wohnt in einer großen Stadt.",
)


@cache
def tokenizer() -> Tokenizer:
    """A joint tokeniser of a few sentences."""
    return train_tokenizer(SENTENCES * 3, vocab_size=340)


def config(kind: str, form: str = "ctc") -> TranslatorConfig:
    """Two layers, width 16."""
    return TranslatorConfig(
        kind=kind,
        form=form,
        source_lang="en",
        target_lang="de",
        vocab_size=tokenizer().vocab_size,
        d_model=16,
        n_heads=2,
        d_ff=32,
        n_encoder_layers=2,
        n_decoder_layers=2,
        dropout=0.0,
        max_tokens=48,
    )


def autoregressive(kind: str = "reta", seed: int = 1) -> AutoregressiveTransformer:
    """An untrained autoregressive model."""
    torch.manual_seed(seed)
    return AutoregressiveTransformer(config(kind)).eval()


def fretna(seed: int = 1) -> Fretna:
    """An untrained FReTNA."""
    torch.manual_seed(seed)
    return Fretna(config("fretna")).eval()


def stream_fretna(seed: int = 1) -> StreamFretna:
    """An untrained FReTNA of the `stream` form."""
    torch.manual_seed(seed)
    return StreamFretna(replace(config("fretna"), form="stream", window=3)).eval()


def language_model(sentences: Sequence[str]) -> NgramModel:
    """A trigram model for slots."""
    ends_word = tokenizer().ends_word
    rows = [place_pieces(tokenizer().encode(sentence), ends_word) for sentence in sentences]
    return train_ngram(rows, placed_vocabulary(tokenizer().pieces), min_counts=(1, 1, 1))


def shortlist() -> Shortlist:
    """A few labels for each source token."""
    sources, targets = (tokenizer().encode_batch(SENTENCES[start::2]) for start in (0, 1))
    return make_shortlist(sources, targets, tokenizer().vocab_size, n_common=8, n_labels=4)


def levt(seed: int = 1) -> LevenshteinTransformer:
    """An untrained Levenshtein Transformer."""
    torch.manual_seed(seed)
    return LevenshteinTransformer(config("fretna", "levt")).eval()


def hybrid(seed: int = 1) -> Hybrid:
    """An untrained CTC draft with an edit."""
    torch.manual_seed(seed)
    return Hybrid(config("fretna", "hybrid")).eval()


def talkative(kind: str = "reta", seed: int = 1) -> AutoregressiveTransformer:
    """An untrained model whose outputs vary in length and tokens, as a trained one's do.

    In double precision: a step and a pass over many tokens round differently, and with random
    weights every token is a close call.
    """
    model = autoregressive(kind, seed).double()
    with torch.no_grad():
        for parameter in model.layers.parameters():
            parameter.mul_(4 if parameter.dim() > 1 else 1)
        model.embedding.weight[EOS_ID] *= 3
    return model
