"""Wait-k: the (n+1)-th target word is written when k + n source words were read.

What writes the tokens is given: torch or an exported model.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from engine.policies.base import ModelTranslator
from engine.stability import common_prefix
from engine.translator import Hypothesis, TranslatorSession
from models.tokenizer import EOS_ID, Tokenizer
from models.translator_config import TranslatorConfig, source_ids


class TokenWriter(Protocol):
    """One target, written token by token against a source that grows."""

    written: list[int]

    def read(self, source: Sequence[int], n_known: int = 0) -> None:
        """Read the source, of which `n_known` tokens are as they were."""
        ...

    def next_token(self) -> int:
        """The most probable token after what is written."""
        ...


class WaitKTranslator(ModelTranslator):
    """Appends and never looks back (Ma et al. 2018, arXiv 1810.08398).

    Args:
        config: of the model.
        tokenizer: of the model.
        new_writer: makes the writer of a new segment.
        wait: the k.
    """

    def __init__(
        self,
        config: TranslatorConfig,
        tokenizer: Tokenizer,
        new_writer: Callable[[], TokenWriter],
        *,
        wait: int,
    ) -> None:
        super().__init__(config, tokenizer)
        if wait < 1:
            raise ValueError(f"wait {wait} is less than 1")
        self.new_writer = new_writer
        self.wait = wait

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _WaitKSession(self)


class _WaitKSession:
    """Caches of both sides; what was written stays, even if the source is taken back."""

    def __init__(self, translator: WaitKTranslator) -> None:
        self._translator = translator
        self._writer = translator.new_writer()
        self._source: list[int] = []
        self._n_words = 0
        self._ended = False

    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        """Read the new source tokens, write the words that the policy allows."""
        translator = self._translator
        tokens = translator.tokenizer.encode(source_prefix)
        if tokens:
            source = source_ids(tokens, finished=finished)
            self._writer.read(source, n_known=common_prefix(self._source, source))
            self._source = source
            self._write(source, finished=finished)
        written = self._writer.written
        words = translator.words(written if finished else self._complete(written))
        return Hypothesis(words=words, n_fixed=len(words))

    def _write(self, source: Sequence[int], *, finished: bool) -> None:
        """Write while the policy allows it and the model has something to say."""
        ends_word = self._translator.tokenizer.ends_word
        written = self._writer.written
        n_read = sum(ends_word[token] for token in source)
        limit = self._translator.config.target_limit(len(source))
        while not self._ended and len(written) < limit:
            if not finished and n_read < self._translator.wait + self._n_words:
                break
            token = self._writer.next_token()
            if token == EOS_ID:  # more source may come: ask again then
                self._ended = finished
                break
            written.append(token)
            self._n_words += ends_word[token]

    def _complete(self, written: Sequence[int]) -> Sequence[int]:
        """The tokens up to the end of the last complete word."""
        ends_word = self._translator.tokenizer.ends_word
        n = len(written)
        while n and not ends_word[written[n - 1]]:
            n -= 1
        return written[:n]
