"""The caption segment that is being written: translates its source words, keeps what is stable."""

import logging
from collections.abc import Callable, Sequence

from engine.captions import Caption
from engine.stability import StableTarget, close, settle
from engine.stability_control import Dial
from engine.translator import Hypothesis, Translator, TranslatorSession
from engine.word_times import TargetTimer

_logger = logging.getLogger(__name__)


class CaptionSegment:
    """All of a source segment, or a part of it."""

    def __init__(self, translator: Translator, *, start_s: float) -> None:
        """Start without words at session time `start_s`."""
        self.start_s = start_s
        self.target = StableTarget()
        self.times = TargetTimer()
        self.last: Caption | None = None
        """The newest caption."""
        self.n_shown_committed = 0
        """Committed source words that its captions have shown: a cut cannot lie before them."""
        self._translator = translator
        self._translating: TranslatorSession | None = None
        self._translated: str | None = None  # source text of the newest hypothesis
        self._failed = False

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
        hypothesis = self._hypothesis(text, final=final)
        if hypothesis is None:
            self.target = close(self.target) if final else self.target
            return
        self._translated = text
        before = self.target
        self.target = settle(
            before,
            hypothesis,
            evidence=" ".join(words[: max(n_committed, len(words) - 1)]),
            finished=final,
            config=dial.config,
            allowance=dial.allowance,
        )
        dial.observe_hypothesis(before.newest, self.target.newest)
        self.times.translate(self.target.newest, now())

    def _hypothesis(self, text: str, *, final: bool) -> Hypothesis | None:
        """The translation of a source text, None if the translator cannot read it."""
        if not text:
            return Hypothesis(words=(), n_fixed=0)
        self._translating = self._translating or self._translator.start()
        try:
            return self._translating.update(text, finished=final, committed=self.target.committed)
        except ValueError as error:
            if not self._failed:
                _logger.warning("a segment goes on without a newer translation: %s", error)
            self._failed = True
            return None
