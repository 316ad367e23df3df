"""Wait-k: the (n+1)-th target word is written when k + n source words were read."""

from collections.abc import Sequence

import torch

from engine.policies.base import ModelTranslator
from engine.stability import common_prefix
from engine.translator import Hypothesis, TranslatorSession
from models.autoregressive import AutoregressiveTransformer
from models.decoding import Writer
from models.tokenizer import EOS_ID, Tokenizer
from models.translator_config import source_ids


class WaitKTranslator(ModelTranslator):
    """Appends and never looks back (Ma et al. 2018, arXiv 1810.08398)."""

    def __init__(
        self, model: AutoregressiveTransformer, tokenizer: Tokenizer, *, wait: int
    ) -> None:
        super().__init__(model.config, tokenizer)
        if wait < 1:
            raise ValueError(f"wait {wait} is less than 1")
        self.model = model
        self.wait = wait

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _WaitKSession(self)


class _WaitKSession:
    """Caches of both sides; what was written stays, even if the source is taken back."""

    def __init__(self, translator: WaitKTranslator) -> None:
        self._translator = translator
        self._writer = Writer(translator.model)
        self._source: list[int] = []
        self._n_words = 0
        self._ended = False

    @torch.inference_mode()
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
            self._write(tokens, finished=finished)
        written = self._writer.written
        words = translator.words(written if finished else self._complete(written))
        return Hypothesis(words=words, n_fixed=len(words))

    def _write(self, tokens: Sequence[int], *, finished: bool) -> None:
        """Write while the policy allows it and the model has something to say."""
        ends_word = self._translator.tokenizer.ends_word
        written = self._writer.written
        n_read = sum(ends_word[token] for token in tokens)
        limit = 2 * len(tokens) + 16
        while not self._ended and len(written) < limit:
            if not finished and n_read < self._translator.wait + self._n_words:
                break
            token = int(self._writer.predict()[0].argmax())
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
