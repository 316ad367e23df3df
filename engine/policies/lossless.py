"""FReTNA without loss: its hypothesis is a draft, and what ReTA would not have written goes.

Aggressive decoding (arXiv 2205.10350): ReTA's model reads a draft in one pass, keeps the beginning
that it agrees with, and writes its own token behind it. The draft is the previous output as long
as ReTA repeats it, and FReTNA's behind that. FReTNA need not run again when ReTA disagrees: its
slots do not see each other's choice, so their scores also say what most probably follows any other
beginning. The output is that of greedy ReTA, token by token.
"""

from collections.abc import Sequence

import torch

from engine.policies.base import ModelTranslator, RetranslationSession
from engine.translator import TranslatorSession
from models.autoregressive import AutoregressiveTransformer
from models.ctc_prefix import PrefixPaths
from models.decoding import continuation, greedy
from models.errors import CheckpointError
from models.fretna import Fretna
from models.tokenizer import Tokenizer


class LosslessTranslator(ModelTranslator):
    """FReTNA proposes, ReTA disposes.

    Args:
        drafter: writes the drafts.
        verifier: an autoregressive model of the same languages and tokens.
        tokenizer: of both.

    Raises:
        CheckpointError: the two models do not belong together.
    """

    def __init__(
        self, drafter: Fretna, verifier: AutoregressiveTransformer, tokenizer: Tokenizer
    ) -> None:
        super().__init__(verifier.config, tokenizer)
        for key in ("source_lang", "target_lang", "vocab_size"):
            one, two = getattr(drafter.config, key), getattr(verifier.config, key)
            if one != two:
                raise CheckpointError(f"{key} is {one!r} in fretna and {two!r} in its verifier")
        self.drafter = drafter
        self.verifier = verifier

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _LosslessSession(self)


class _LosslessSession(RetranslationSession):
    """Remembers the previous hypothesis."""

    _translator: LosslessTranslator

    def __init__(self, translator: LosslessTranslator) -> None:
        super().__init__(translator)
        self._previous: list[int] = []

    @torch.inference_mode()
    def translate(self, source: list[int], committed: tuple[str, ...]) -> list[int]:
        """What greedy ReTA writes behind the committed words."""
        translator = self._translator
        previous = continuation(self._previous)
        paths: PrefixPaths | None = None

        def propose(written: Sequence[int]) -> Sequence[int]:
            nonlocal paths
            if draft := previous(written):
                return draft
            if paths is None:
                paths = PrefixPaths(translator.drafter.log_probs(source))
            return paths.continuation(written)

        prefix = translator.word_tokens(committed)
        self._previous = greedy(translator.verifier, source, prefix, propose=propose)
        return self._previous
