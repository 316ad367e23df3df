"""The translator protocol: one interface, whatever the policy behind it.

A `Translator` belongs to a language pair and holds the model; a `TranslatorSession` belongs to
one source segment and holds what the policy remembers of it (the previous hypothesis, the KV
caches). FReTNA edits its previous hypothesis, ReTA generates anew, Wait-k appends; the engine
cannot tell them apart otherwise.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """The full translation of one source prefix."""

    words: tuple[str, ...]
    """Words of the target text, as they are separated by spaces."""
    n_fixed: int
    """How many leading words the policy itself will never change (Wait-k: all; others: those
    that it was told are committed)."""

    @property
    def text(self) -> str:
        """The translation as one string."""
        return " ".join(self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The caption segment before: what was said, and how it was translated."""

    lang: str
    """ISO 639-1 code of what was said."""
    source: str
    target: str


class TranslatorSession(Protocol):
    """Translates one source segment while it grows."""

    def update(
        self, source_prefix: str, *, finished: bool, committed: tuple[str, ...] = ()
    ) -> Hypothesis:
        """Translate what was read so far.

        Args:
            source_prefix: source text of the segment; may be empty, may have shrunk or changed.
            finished: the segment is complete; this is the last call.
            committed: target words already shown as committed: the hypothesis starts with them.

        Raises:
            ValueError: the prefix cannot be translated (longer than the model can read).
        """
        ...


class Translator(Protocol):
    """A policy with its model, for one language pair; shared by all sessions."""

    @property
    def source_lang(self) -> str:
        """ISO 639-1 code of the language it reads."""
        ...

    @property
    def target_lang(self) -> str:
        """ISO 639-1 code of the language it writes."""
        ...

    def start(self) -> TranslatorSession:
        """A session for a new source segment."""
        ...


@runtime_checkable
class ContextualTranslator(Translator, Protocol):
    """A translator that looks at what was said before; any other is asked by `start` alone."""

    def start_after(self, context: Context) -> TranslatorSession:
        """A session for the source segment that follows."""
        ...
