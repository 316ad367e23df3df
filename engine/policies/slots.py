"""What the forms of FReTNA that fill slots share: words out of tokens that nobody coordinated."""

from collections.abc import Sequence
from functools import lru_cache

from engine.policies.base import ModelTranslator
from models.ctc_paths import written_slots
from models.tokenizer import Tokenizer
from models.translator_config import TranslatorConfig

_CLOSING = ".,;:!?…"
_N_REMEMBERED = 10_000  # words: a few MB


class SlotTranslator(ModelTranslator):
    """Slots do not see each other's choice.

    So a word may be complete and a punctuation mark still follow as a word of its own: it joins
    the word before.
    """

    def __init__(self, config: TranslatorConfig, tokenizer: Tokenizer) -> None:
        super().__init__(config, tokenizer)
        self._spell = lru_cache(_N_REMEMBERED)(self._spell_unseen)

    def words(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Whole text of target tokens as words."""
        return tuple(text for text, _ in self.group(tokens) if text)

    def word_ends(self, tokens: Sequence[int]) -> list[int]:
        """How many tokens make the first word, the first two, and so on."""
        return [end for _, end in self.group(tokens)]

    def committed_tokens(
        self, committed: tuple[str, ...], previous: Sequence[int]
    ) -> list[int] | None:
        """The tokens that made the committed words in the previous output; None if none did."""
        ends = self.word_ends(previous)
        if not 0 < len(committed) <= len(ends):
            return None
        tokens = list(previous[: ends[len(committed) - 1]])
        complete = self.tokenizer.ends_word[tokens[-1]]
        return tokens if complete and self.words(tokens) == committed else None

    def group(self, tokens: Sequence[int]) -> list[tuple[str, int]]:
        """Each word and how many tokens make the output up to its end."""
        ends_word = self.tokenizer.ends_word
        groups: list[tuple[str, int]] = []
        start, last = 0, len(tokens)
        for end, token in enumerate(tokens, start=1):
            if not ends_word[token] and end < last:
                continue
            text = self._spell(tuple(tokens[start:end]))
            if groups and text and not text.strip(_CLOSING):
                text = groups.pop()[0] + text
            groups.append((text, end))
            start = end
        return groups

    def _spell_unseen(self, tokens: tuple[int, ...]) -> str:
        return self.tokenizer.decode(tokens).replace(" ", "")


class PathReader:
    """Reads the words of a path that grows; what is settled of it is read once."""

    def __init__(self, translator: SlotTranslator) -> None:
        self._translator = translator
        self._words: tuple[str, ...] = ()
        self._n_read = 0  # slots that make those words
        self._n_settled = 0

    def words(self, path: Sequence[int], n_settled: int) -> tuple[str, ...]:
        """The words of a path, whose first slots will not change unless the source does."""
        if n_settled < self._n_settled:  # the source was taken back
            self._words, self._n_read = (), 0
        self._n_settled = n_settled
        slots = written_slots(path, self._n_read)
        groups = self._translator.group([path[slot] for slot in slots])
        words = self._words + tuple(text for text, _ in groups if text)
        # A punctuation mark may still join the last settled word, which so is read again.
        settled = [group for group in groups if slots[group[1] - 1] < n_settled][:-1]
        if settled:
            self._words += tuple(text for text, _ in settled if text)
            self._n_read = slots[settled[-1][1] - 1] + 1
        return words
