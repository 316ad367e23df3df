"""Sentences: where the translation of running speech is complete, so that it can be cut.

A recogniser gives no punctuation; a translator does, once it has read enough to know that a
sentence was over. How many source words make the sentence is found by translating candidates as
if they were all: the one whose translation is the sentence is it, since both sides agree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.cutting import ending

LONGEST_LOOK_BACK = 5
"""Source words before the newest at which a sentence that is complete may have ended."""
SHORTEST_SENTENCE = 3
"""Fewer source words are not cut off: they would be a fragment."""

_PUNCTUATION = ".,;:!?…。？！、،"


@dataclass(frozen=True, slots=True)
class Sentence:
    """The beginning of a source and its complete translation."""

    source: tuple[str, ...]
    target: tuple[str, ...]

    def begins(self, source: Sequence[str], target: Sequence[str]) -> bool:
        """Whether source and target still begin with it."""
        n_source, n_target = len(self.source), len(self.target)
        return tuple(source[:n_source]) == self.source and _same(target[:n_target], self.target)


class SentenceFinder:
    """Looks for the end of the first sentence of one caption segment while it grows."""

    def __init__(self, translate: Callable[[str], Sequence[str]]) -> None:
        """Ask `translate` for the words of a source text that is complete."""
        self._translate = translate
        self._translations: dict[str, tuple[str, ...]] = {}
        self.found: Sentence | None = None

    def look(
        self,
        source: Sequence[str],
        target: Sequence[str],
        *,
        n_source_kept: int,
        n_target_kept: int,
        clauses: bool,
    ) -> None:
        """Look at a newer hypothesis.

        Args:
            source: what was read.
            target: its translation.
            n_source_kept: source words that a cut cannot lie before.
            n_target_kept: target words that a cut cannot lie before.
            clauses: whether the end of a clause is enough.
        """
        if self.found is not None and self.found.begins(source, target):
            return
        self.found = None
        least = 1 if clauses else 2
        ends = [n for n, word in enumerate(target, 1) if ending(word) >= least]
        for n_target in ends:
            if n_target >= n_target_kept and self._agrees(source, target[:n_target], n_source_kept):
                return

    def _agrees(self, source: Sequence[str], sentence: Sequence[str], n_kept: int) -> bool:
        """Whether some beginning of the source is translated by the sentence alone."""
        earliest = max(len(source) - LONGEST_LOOK_BACK, n_kept, SHORTEST_SENTENCE)
        for n_source in range(len(source) - 1, earliest - 1, -1):
            target = self._translation(" ".join(source[:n_source]))
            if _same(target, sentence):
                self.found = Sentence(tuple(source[:n_source]), target)
                return True
        return False

    def _translation(self, text: str) -> tuple[str, ...]:
        if text not in self._translations:
            self._translations[text] = tuple(self._translate(text))
        return self._translations[text]


def _same(one: Sequence[str], two: Sequence[str]) -> bool:
    """Whether two translations differ in nothing but the punctuation at their ends."""
    if len(one) != len(two) or not one:
        return False
    return list(one[:-1]) == list(two[:-1]) and (
        one[-1].rstrip(_PUNCTUATION) == two[-1].rstrip(_PUNCTUATION)
    )
