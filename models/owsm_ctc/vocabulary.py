"""The vocabulary: special tokens, sentencepiece pieces, and text between the two.

The list of a small model follows the official order: `<blank>`, `<unk>`, `<na>`, `<nolang>`,
languages, `<asr>`, `<st_xxx>` …, pieces, `<sos>`, `<eos>`, `<sop>`.
"""

from collections.abc import Iterable, Sequence

from sentencepiece import SentencePieceProcessor

from models.owsm_ctc.config import BLANK, NO_LANGUAGE, NO_PROMPT, TRANSCRIBE, UNKNOWN

CLOSING = ("<sos>", "<eos>", "<sop>")
WORD_START = "▁"
_N_SENTENCEPIECE_CONTROLS = 3  # <unk>, <s>, </s> come first in the models read here


def read_tokenizer(content: bytes) -> SentencePieceProcessor:
    """Return the tokeniser of a serialised sentencepiece model.

    Raises:
        ValueError: it is none.
    """
    if not content:  # sentencepiece would return a processor that fails at its first use
        raise ValueError("the sentencepiece model is empty")
    try:
        return SentencePieceProcessor(model_proto=content)
    except RuntimeError as error:
        raise ValueError(f"not a sentencepiece model ({error})") from error


def build_tokens(
    tokenizer: SentencePieceProcessor, languages: Sequence[str], translations: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the vocabulary of a small model.

    Args:
        tokenizer: plain sentencepiece model whose first three pieces are `<unk>`, `<s>`, `</s>`.
        languages: ISO 639-3 codes that can be heard, such as `eng`.
        translations: ISO 639-3 codes that speech can be translated to.
    """
    return (
        BLANK,
        UNKNOWN,
        NO_PROMPT,
        NO_LANGUAGE,
        *(f"<{code}>" for code in languages),
        TRANSCRIBE,
        *(f"<st_{code}>" for code in translations),
        *_pieces(tokenizer),
        *CLOSING,
    )


class Vocabulary:
    """Ids of tokens, and text to ids and back.

    Attributes:
        languages: language tokens that can be heard, without `<nolang>`.
        tasks: `<asr>` and the `<st_xxx>` tokens.

    Raises:
        ValueError: the tokenizer has a piece that is not among the tokens.
    """

    def __init__(self, tokens: Sequence[str], tokenizer: SentencePieceProcessor) -> None:
        self.tokens = tuple(tokens)
        self.tokenizer = tokenizer
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        for piece in _pieces(tokenizer):
            if piece not in self._ids:
                raise ValueError(f"the tokeniser's piece {piece!r} is not in the vocabulary")
        self.unknown_id = self._ids[UNKNOWN]
        transcribe = self._ids[TRANSCRIBE]
        self.languages = self.tokens[self._ids[NO_LANGUAGE] + 1 : transcribe]
        translations = [
            token for token in self.tokens[transcribe + 1 :] if token.startswith("<st_")
        ]
        self.tasks = (TRANSCRIBE, *translations)

    def language_id(self, language: str) -> int:
        """Return the id of `eng`, `<eng>` or `<nolang>`.

        Raises:
            ValueError: the model does not know that language; the message lists those it knows.
        """
        token = language if language.startswith("<") else f"<{language}>"
        if token != NO_LANGUAGE and token not in self.languages:
            raise ValueError(
                f"this model does not know the language {language!r}; "
                f"it knows {', '.join((*self.languages, NO_LANGUAGE))}"
            )
        return self._ids[token]

    def task_id(self, task: str) -> int:
        """Return the id of `<asr>` or `<st_xxx>`.

        Raises:
            ValueError: the model was not made for that task; the message lists its tasks.
        """
        token = task if task.startswith("<") else f"<{task}>"
        if token not in self.tasks:
            raise ValueError(
                f"this model does not know the task {task!r}; it knows {', '.join(self.tasks)}"
            )
        return self._ids[token]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text; pieces that the vocabulary lacks become `<unk>`."""
        pieces = self.tokenizer.encode(text, out_type=str)
        return [self._ids.get(piece, self.unknown_id) for piece in pieces]

    def prompt_ids(self, prompt: str | None) -> list[int]:
        """Return the ids of a prompt; None, an empty text, or one with `<na>` means no prompt."""
        ids = self.encode(prompt) if prompt and NO_PROMPT not in prompt else []
        return ids or [self._ids[NO_PROMPT]]

    def is_special(self, token_id: int) -> bool:
        """Return whether a token is a mark such as `<eng>` or `<asr>` and not text."""
        token = self.tokens[token_id]
        return token.startswith("<") and token.endswith(">")

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of tokens, special ones written as they are, in front of it."""
        return "".join(self.tokens[i].replace(WORD_START, " ") for i in ids).strip()

    def text(self, ids: Iterable[int]) -> str:
        """Return the text of tokens without special ones."""
        return self.decode(i for i in ids if not self.is_special(i))


def _pieces(tokenizer: SentencePieceProcessor) -> list[str]:
    """Return the pieces that stand for text or marks."""
    n_pieces = tokenizer.get_piece_size()
    return [tokenizer.id_to_piece(i) for i in range(_N_SENTENCEPIECE_CONTROLS, n_pieces)]
