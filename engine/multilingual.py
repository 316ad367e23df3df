"""Translating speech whose language is only known once it was heard, or that comes translated."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from engine.translator import (
    Context,
    ContextualTranslator,
    Hypothesis,
    Translator,
    TranslatorSession,
)

ANY_LANGUAGE = "auto"
"""Stands for the source language of a session where it is found out."""


class SpokenSource(Protocol):
    """What must be known of a source segment; it may change while the segment is read."""

    @property
    def lang(self) -> str:
        """ISO 639-1 code of what is said."""
        ...

    @property
    def translation(self) -> str | None:
        """What the recogniser itself made of it in the target language, if it translates."""
        ...


@runtime_checkable
class SpeechTranslator(Translator, Protocol):
    """A translator that has to know of a source segment more than its text."""

    def follow(self, source: SpokenSource, context: Context | None = None) -> TranslatorSession:
        """A session for a source segment after another one.

        Whoever holds it asks for a new one when the segment turns out to be in another language.
        """
        ...


class MultilingualTranslator:
    """A translator for each language that may be spoken.

    What is said in the target language is shown as it is; for any other language without a
    translator there is only the source text.
    """

    source_lang = ANY_LANGUAGE

    def __init__(self, translators: Mapping[str, Translator], *, target_lang: str) -> None:
        """Gather translators into `target_lang` by their source languages."""
        self.target_lang = target_lang
        self.translators = translators

    def start(self) -> TranslatorSession:
        """A session for a segment of a language that is not known."""
        return _Nothing()

    def follow(self, source: SpokenSource, context: Context | None = None) -> TranslatorSession:
        """A session for the language that is spoken, as far as that is known."""
        if source.lang == self.target_lang:
            return _AsItIs()
        translator = self.translators.get(source.lang)
        return _Nothing() if translator is None else _start(translator, context)


class SpokenTranslation:
    """Stands where a translator would, for a recogniser that translates speech itself."""

    def __init__(self, source_lang: str, target_lang: str) -> None:
        """Name the languages of the session."""
        self.source_lang = source_lang
        self.target_lang = target_lang

    def start(self) -> TranslatorSession:
        """A session for a text that nobody spoke."""
        return _Nothing()

    def follow(self, source: SpokenSource, context: Context | None = None) -> TranslatorSession:
        """A session that gives what the recogniser made of a segment."""
        return _Given(source)


def start_for(
    translator: Translator, source: SpokenSource, context: Context | None = None
) -> TranslatorSession:
    """A session for a source segment after another one, whatever kind of translator there is."""
    if isinstance(translator, SpeechTranslator):
        return translator.follow(source, context)
    return _start(translator, context)


def text_translators(translator: Translator) -> Mapping[str, Translator]:
    """What translates a text that nobody spoke, by its language; none if only speech is."""
    if isinstance(translator, MultilingualTranslator):
        return translator.translators
    if isinstance(translator, SpokenTranslation):
        return {}
    return {translator.source_lang: translator}


def _start(translator: Translator, context: Context | None) -> TranslatorSession:
    if context is not None and isinstance(translator, ContextualTranslator):
        return translator.start_after(context)
    return translator.start()


class _Given:
    """The translation that comes with the speech."""

    def __init__(self, source: SpokenSource) -> None:
        self._source = source

    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        """What the recogniser made of the whole segment so far."""
        return Hypothesis(words=tuple((self._source.translation or "").split()), n_fixed=0)


class _AsItIs:
    """Gives back what it is given."""

    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        """The source."""
        return Hypothesis(words=tuple(source_prefix.split()), n_fixed=0)


class _Nothing:
    """No translation: of a language that nothing translates."""

    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        """What is committed, and no more."""
        return Hypothesis(words=committed, n_fixed=len(committed))
