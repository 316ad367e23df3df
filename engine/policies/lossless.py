"""FReTNA without loss: its hypothesis is a draft, and what ReTA would not have written goes.

Aggressive decoding (arXiv 2205.10350): ReTA's model reads a draft in one pass, keeps the beginning
that it agrees with, and writes its own token behind it. The output is that of greedy ReTA, token by
token.

FReTNA drafts the first hypothesis of a segment. It need not run again when ReTA disagrees: its
slots do not see each other's choice, so their scores also say what most probably follows any other
beginning. Later updates change little, and FReTNA's pass takes longer than the steps it could
save; there the draft is the previous output, from the place where ReTA has come back to it once it
has left it, or one of the outputs before that.
"""

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.policies.base import ModelTranslator, RetranslationSession
from engine.translator import TranslatorSession
from models.ctc_prefix import PrefixPaths
from models.errors import CheckpointError
from models.speculation import Proposal, follow, rejoin
from models.tokenizer import Tokenizer
from models.translator_config import TranslatorConfig

_N_PAST = 8
"""Hypotheses to draft from: translations go back and forth between two wordings."""


Write = Callable[[Sequence[int], Sequence[int], Proposal], list[int]]
"""Source, forced prefix, proposal of drafts → greedy ReTA's target."""


class LosslessTranslator(ModelTranslator):
    """FReTNA proposes, ReTA disposes.

    Args:
        verifier: configuration of ReTA.
        write: what ReTA's network does.
        drafter: configuration of FReTNA.
        draft: source → log-probabilities of FReTNA's slots, (slots, vocabulary).
        tokenizer: of both.

    Raises:
        CheckpointError: the two models do not belong together.
    """

    def __init__(
        self,
        verifier: TranslatorConfig,
        write: Write,
        drafter: TranslatorConfig,
        draft: Callable[[Sequence[int]], NDArray[np.float32]],
        tokenizer: Tokenizer,
    ) -> None:
        super().__init__(verifier, tokenizer)
        for key in ("source_lang", "target_lang", "vocab_size"):
            one, two = getattr(drafter, key), getattr(verifier, key)
            if one != two:
                raise CheckpointError(f"{key} is {one!r} in fretna and {two!r} in its verifier")
        self.write = write
        self.draft = draft

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _LosslessSession(self)


class _LosslessSession(RetranslationSession):
    """Remembers the newest hypotheses."""

    _translator: LosslessTranslator

    def __init__(self, translator: LosslessTranslator) -> None:
        super().__init__(translator)
        self._past: deque[list[int]] = deque(maxlen=_N_PAST)

    def translate(self, source: list[int], committed: tuple[str, ...]) -> list[int]:
        """What greedy ReTA writes behind the committed words."""
        translator = self._translator
        propose = self._propose_past if self._past else self._propose_anew(source)
        prefix = translator.word_tokens(committed)
        target = translator.write(source, prefix, propose)
        self._past.appendleft(target)
        return target

    def _propose_past(self, written: Sequence[int]) -> Sequence[int]:
        """The rest of the newest hypothesis that begins so, or of one that comes back to this."""
        rests = (go_on(past, written) for go_on in (follow, rejoin) for past in self._past)
        return next(filter(None, rests), ())

    def _propose_anew(self, source: list[int]) -> Proposal:
        """What FReTNA writes, whatever the beginning."""
        return PrefixPaths(self._translator.draft(source)).continuation
