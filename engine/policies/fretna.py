"""FReTNA: re-translation in one parallel pass; see `models.fretna`."""

from collections.abc import Sequence

import torch

from engine.policies.base import ModelTranslator, RetranslationSession
from engine.stability import common_prefix
from engine.translator import TranslatorSession
from models.ctc import BLANK_ID, best_path, collapse
from models.fretna import HIDDEN, Fretna
from models.tokenizer import Tokenizer

_CLOSING = ".,;:!?…"


class FretnaTranslator(ModelTranslator):
    """Fills the slots of the source; committed words keep theirs."""

    def __init__(self, model: Fretna, tokenizer: Tokenizer) -> None:
        super().__init__(model.config, tokenizer)
        self.model = model

    def words(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Whole text of target tokens as words.

        Slots do not see each other's choice, so a word may be complete and a punctuation mark
        still follow as a word of its own: it joins the word before.
        """
        texts, start = [], 0
        for end in self.word_ends(tokens):
            texts.append("".join(self.tokenizer.decode(tokens[start:end]).split()))
            start = end
        return tuple(text for text in texts if text)

    def word_ends(self, tokens: Sequence[int]) -> list[int]:
        """How many tokens make the first word, the first two, and so on."""
        ends: list[int] = []
        start = 0
        for end in range(1, len(tokens) + 1):
            if not self.tokenizer.ends_word[tokens[end - 1]] and end < len(tokens):
                continue
            text = self.tokenizer.decode(tokens[start:end])
            if ends and text and not text.strip(_CLOSING):
                ends[-1] = end
            else:
                ends.append(end)
            start = end
        return ends

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        return _FretnaSession(self)


class _FretnaSession(RetranslationSession):
    """Remembers the source and the slots of the previous hypothesis."""

    _translator: FretnaTranslator

    def __init__(self, translator: FretnaTranslator) -> None:
        super().__init__(translator)
        self._source: list[int] = []
        self._path: list[int] = []

    @torch.inference_mode()
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
        previous = collapse(self._path)
        ends = translator.word_ends(previous)
        forced = previous[: ends[min(len(committed), len(ends)) - 1]] if ends else []
        whole = bool(forced) and translator.tokenizer.ends_word[forced[-1]]
        if not whole or translator.words(forced) != committed:
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
