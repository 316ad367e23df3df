"""FReTNA: re-translation in one parallel pass; see `models.fretna`."""

from collections.abc import Sequence

from engine.policies.base import RetranslationSession
from engine.policies.slots import SlotTranslator
from engine.stability import common_prefix
from engine.translator import TranslatorSession
from models.ctc_paths import BLANK_ID, best_path, collapse
from models.fretna import Fretna
from models.slots import HIDDEN
from models.tokenizer import Tokenizer


class FretnaTranslator(SlotTranslator):
    """Fills the slots of the source; committed words keep theirs."""

    def __init__(self, model: Fretna, tokenizer: Tokenizer) -> None:
        super().__init__(model.config, tokenizer)
        self.model = model

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return FretnaSession(self)


class FretnaSession(RetranslationSession):
    """Remembers the source and the slots of the previous hypothesis."""

    _translator: FretnaTranslator

    def __init__(self, translator: FretnaTranslator) -> None:
        super().__init__(translator)
        self._source: list[int] = []
        self._path: list[int] = []

    def translate(self, source: list[int], committed: tuple[str, ...]) -> list[int]:
        """Fill the slots of the source prefix; committed words are a forced prefix."""
        forced, revealed = self._keep(committed, source)
        log_probs = self._translator.model.log_probs(source, revealed)
        self._source = source
        try:
            self._path = best_path(log_probs, forced)
        except ValueError:  # the source shrank: it has no room for all that was committed
            self._path = []
        return collapse(self._path)

    def _keep(
        self, committed: tuple[str, ...], source: Sequence[int]
    ) -> tuple[list[int], list[int] | None]:
        """Tokens of the committed words, and the slots that they keep from the last hypothesis."""
        translator = self._translator
        if not committed:
            return [], None
        forced = translator.committed_tokens(committed, collapse(self._path))
        if forced is None:
            return translator.word_tokens(committed), None
        n_same = common_prefix(self._source, source) * translator.model.config.upsampling
        revealed = [HIDDEN] * min(n_same, len(self._path))
        n_seen, last = 0, BLANK_ID
        for slot in range(len(revealed)):
            label = self._path[slot]
            n_seen += label not in (BLANK_ID, last)
            last = label
            if n_seen > len(forced) or (n_seen == len(forced) and label == BLANK_ID):
                break
            revealed[slot] = label
        return forced, revealed
