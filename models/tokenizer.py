"""Subword tokeniser of the translators: one joint sentencepiece model for both languages.

Pieces carry their white space at the *end* ("house▁"), so that a policy knows from a token alone
that its word is complete: Wait-k counts complete words without peeking at the next token.
"""

import io
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import cast

import sentencepiece

from models.errors import CheckpointError

PAD_ID = 0
"""Padding; the CTC blank of the non-autoregressive models."""
UNK_ID = 1
BOS_ID = 2
EOS_ID = 3

_WORD_END = "▁"
_N_REMEMBERED = 10_000
"""Words whose tokens are remembered: a few MB, and most of what is said in an hour."""


class Tokenizer:
    """Text to token ids and back.

    Args:
        model: the serialised sentencepiece model.

    Raises:
        CheckpointError: the bytes are no sentencepiece model, or not one of ours.
    """

    def __init__(self, model: bytes) -> None:
        self.model = model
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(f"tokenizer: not a sentencepiece model ({error})") from error
        ids = tuple(
            getattr(self._processor, name)() for name in ("pad_id", "unk_id", "bos_id", "eos_id")
        )
        if ids != (PAD_ID, UNK_ID, BOS_ID, EOS_ID):
            raise CheckpointError(f"tokenizer: special ids {ids} are not those of a translator")
        self.vocab_size: int = self._processor.get_piece_size()
        self.pieces = [self._processor.id_to_piece(i) for i in range(self.vocab_size)]
        self.ends_word = [piece.endswith(_WORD_END) for piece in self.pieces]
        self._texts = [self._text(i) for i in range(self.vocab_size)]
        self._encode_word = lru_cache(_N_REMEMBERED)(self._encode_unseen)

    @classmethod
    def from_file(cls, path: Path) -> "Tokenizer":
        """Read a tokeniser file.

        Raises:
            CheckpointError: the file is missing or no tokeniser.
        """
        try:
            return cls(path.read_bytes())
        except OSError as error:
            raise CheckpointError(f"{path}: {error.strerror}") from error

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without BOS and EOS; an empty text has none.

        No piece spans two words, so words are cut one by one and remembered: a live source comes
        again and again, with one word more.
        """
        tokens: list[int] = []
        for word in text.split():
            tokens += self._encode_word(word)
        return tokens

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of many texts."""
        ids: list[list[int]] = self._processor.encode([_normalize(text) for text in texts])
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids; special tokens and bytes that print nothing are skipped."""
        texts = [self._texts[i] for i in ids]
        if None not in texts:
            return " ".join("".join(cast(list[str], texts)).split())
        text: str = self._processor.decode([int(i) for i in ids if i > EOS_ID])
        printed = (c if c.isprintable() else " " * c.isspace() for c in text if c != "\ufffd")
        return " ".join("".join(printed).split())

    def _encode_unseen(self, word: str) -> list[int]:
        tokens: list[int] = self._processor.encode(_normalize(word))
        return tokens

    def _text(self, token: int) -> str | None:
        """What a token adds to a text; None if that depends on its neighbours, as with bytes."""
        if token <= EOS_ID:
            return ""
        text: str = self.pieces[token].replace(_WORD_END, " ")
        return text if not self._processor.is_byte(token) and text.isprintable() else None


def _normalize(text: str) -> str:
    """The text in NFC; half characters, which a cut in a stream may leave, become `?`."""
    return unicodedata.normalize("NFC", text.encode(errors="replace").decode())


def train_tokenizer(lines: Iterable[str], vocab_size: int) -> Tokenizer:
    """Train a joint unigram tokeniser (Kudo 2018) with byte fallback.

    Args:
        lines: text of both languages, in every style that the models will read.
        vocab_size: number of pieces, the 256 byte pieces and 4 special tokens included.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        vocab_size=vocab_size,
        model_type="unigram",
        byte_fallback=True,
        treat_whitespace_as_suffix=True,
        character_coverage=0.9998,
        pad_id=PAD_ID,
        unk_id=UNK_ID,
        bos_id=BOS_ID,
        eos_id=EOS_ID,
        minloglevel=2,
        num_threads=2,
    )
    return Tokenizer(model.getvalue())
