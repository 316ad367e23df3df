"""The caption segment that is being written: translates its source words, keeps what is stable."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from engine.captions import Caption
from engine.dependence import Dependence
from engine.sentences import SentenceFinder
from engine.stability import StableTarget, close, common_prefix, graft, settle
from engine.stability_control import Dial
from engine.translator import Hypothesis, TranslatorSession
from engine.word_times import TargetTimer

_logger = logging.getLogger(__name__)


class CaptionSegment:
    """All of a source segment, or a part of it, or of several that belong together."""

    def __init__(
        self, start: Callable[[], TranslatorSession], *, start_s: float, long_words: int
    ) -> None:
        """Start without words.

        Args:
            start: begins a translation.
            start_s: session time where its source starts.
            long_words: from so many source words on the end of a clause is as good as that of a
                sentence.
        """
        self.start_s = start_s
        self.target = StableTarget()
        self.times = TargetTimer()
        self.last: Caption | None = None
        """The newest caption."""
        self.n_shown_committed = 0
        """Committed source words that its captions have shown: a cut cannot lie before them."""
        self._start = start
        self._long_words = long_words
        self._failed = False
        self.translate_anew()

    def translate_anew(self) -> None:
        """Forget how the words were translated, but for what is shown.

        The same words mean something else once their language turns out to be another one.
        """
        self._translating: TranslatorSession | None = None
        self._translated: str | None = None  # source text of the newest hypothesis
        self._dependence = Dependence()
        self._sentences = SentenceFinder(partial(_translation, self._start))

    def translate_again(self) -> None:
        """Ask for a translation even if the words are the same: another one came with them."""
        self._translated = None

    def n_complete(self, n_committed: int) -> int:
        """How many source words a complete sentence takes up, if they are committed; or 0."""
        found = self._sentences.found
        return 0 if found is None or len(found.source) > n_committed else len(found.source)

    def translate(
        self,
        words: Sequence[str],
        n_committed: int,
        dial: Dial,
        now: Callable[[], float],
        *,
        final: bool,
    ) -> None:
        """Translate the source words read so far, of which the first `n_committed` stay."""
        text = " ".join(words)
        if text == self._translated and not final:
            return
        before = self.target
        hypothesis = self._final(text) if final else self._hypothesis(words)
        if hypothesis is None:
            self.target = close(before) if final else before
            return
        self._translated = text
        if not final:
            self._find_sentence(words, hypothesis)
        found = self._sentences.found
        self.target = settle(
            before,
            hypothesis,
            evidence=" ".join(words[: max(n_committed, len(words) - 1)]),
            finished=final,
            config=dial.config,
            allowance=dial.allowance,
            limit=None if found is None else len(found.target),
        )
        dial.observe_hypothesis(before.newest, self.target.newest)
        self._dependence.note(words, self.target.newest)
        self.times.translate(self.target.newest, now())

    def _hypothesis(self, words: Sequence[str]) -> Hypothesis | None:
        """The translation of what was read; what rests on nothing taken back stays in it."""
        committed = self.target.committed
        kept = tuple(self._dependence.untouched(words))
        if len(kept) <= len(committed):
            return self._update(" ".join(words), committed, finished=False)
        hypothesis = self._update(" ".join(words), kept, finished=False)
        if hypothesis is None:
            return None
        return Hypothesis(
            words=graft(kept, hypothesis.words), n_fixed=min(hypothesis.n_fixed, len(committed))
        )

    def _final(self, text: str) -> Hypothesis | None:
        """The translation of all words; of a sentence that was found, the one that is known."""
        found = self._sentences.found
        if found is not None and " ".join(found.source) == text:
            return Hypothesis(words=found.target, n_fixed=0)
        return self._update(text, self.target.committed, finished=True)

    def _update(
        self, text: str, committed: tuple[str, ...], *, finished: bool
    ) -> Hypothesis | None:
        """Ask the translator; None if it cannot read the text."""
        if not text:
            return Hypothesis(words=(), n_fixed=0)
        self._translating = self._translating or self._start()
        try:
            return self._translating.update(text, finished=finished, committed=committed)
        except ValueError as error:
            if not self._failed:
                _logger.warning("a segment goes on without a newer translation: %s", error)
            self._failed = True
            return None

    def _find_sentence(self, words: Sequence[str], hypothesis: Hypothesis) -> None:
        target = graft(self.target.committed, hypothesis.words)
        self._sentences.look(
            words,
            target,
            n_source_kept=self.n_shown_committed,
            n_target_kept=common_prefix(self.target.shown, target),
            clauses=len(words) > self._long_words,
        )


def _translation(start: Callable[[], TranslatorSession], text: str) -> Sequence[str]:
    """A text translated by itself; nothing if the translator cannot read it."""
    # No method: a segment that leads to itself would keep its translator's caches for a while.
    try:
        return start().update(text, finished=True).words
    except ValueError:
        return ()
