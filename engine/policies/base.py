"""What the policies share: words outside, tokens inside, committed words as a forced prefix.

No torch is imported here: some policies run on other engines.
"""

from collections.abc import Sequence

from engine.translator import Hypothesis
from models.tokenizer import Tokenizer
from models.translator_config import TranslatorConfig, source_ids


class ModelTranslator:
    """A tokeniser and the languages of a model."""

    def __init__(self, config: TranslatorConfig, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.config = config

    @property
    def source_lang(self) -> str:
        """ISO 639-1 code of the language it reads."""
        return self.config.source_lang

    @property
    def target_lang(self) -> str:
        """ISO 639-1 code of the language it writes."""
        return self.config.target_lang

    def word_tokens(self, words: Sequence[str]) -> list[int]:
        """Target tokens of whole words."""
        return self.tokenizer.encode(" ".join(words))

    def words(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Whole text of target tokens as words."""
        return tuple(self.tokenizer.decode(tokens).split())

    def hypothesis(self, tokens: Sequence[int], committed: tuple[str, ...]) -> Hypothesis:
        """A hypothesis that was forced to begin with the committed words."""
        words = self.words(tokens)
        n = len(committed)
        if words[:n] != committed:  # their spelling does not survive the tokeniser
            words = committed + words[n:]
        return Hypothesis(words=words, n_fixed=n)


class RetranslationSession:
    """A session that translates the whole source prefix at every update.

    A policy says in `translate` how; an empty prefix has no translation but what is committed.
    """

    def __init__(self, translator: ModelTranslator) -> None:
        self._translator = translator

    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        """Translate behind the committed words."""
        tokens = self._translator.tokenizer.encode(source_prefix)
        if not tokens:
            return Hypothesis(words=committed, n_fixed=len(committed))
        target = self.translate(source_ids(tokens, finished=finished), committed)
        return self._translator.hypothesis(target, committed)

    def translate(self, source: list[int], committed: tuple[str, ...]) -> list[int]:
        """Target tokens of a source that is not empty, beginning with the committed words.

        Raises:
            ValueError: the source is longer than the model's positions.
        """
        raise NotImplementedError
