"""The stability dial: adapts the rules of `engine.stability` while a session runs.

A dial sees every hypothesis and every caption, and says under which rules the next hypothesis is
shown. It holds one of two things:

* a **budget** of normalized erasure (`ErasureBudget`). Every committed word earns a fraction of a
  word that may be taken back; no more tentative words are shown than are in credit, so that the
  budget holds at every moment of every session, whatever the translator does. How many words at
  the end of a hypothesis are worth the risk is learned from how deep earlier ones were rewritten.
* a **delay** (`DelayDial`): mask-k follows the measured delay of the words of each final segment.

A dial has no clock and no randomness: the same captions and hypotheses give the same rules. The
user may turn an `AdjustableDial` while the session runs.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from engine.captions import Caption
from engine.live_metrics import LiveMeter
from engine.stability import Allowance, StabilityConfig, common_prefix

MOST_HIDDEN = 12
"""Words at the end of a hypothesis that a dial hides at most."""

_MEMORY = 0.99  # weight of a hypothesis against the next: half of it is gone after 69
_HORIZON_WORDS = 50.0  # committed words over which credit that was saved may be spent
_LONGEST_STRIDE = 2  # words by which mask-k changes with one segment
_GAIN = 0.5  # share of the wanted change that is made at once: segments differ


class Dial:
    """Leaves the rules as they were set."""

    def __init__(self, config: StabilityConfig) -> None:
        """Start a session under these rules."""
        self._config = config

    @property
    def config(self) -> StabilityConfig:
        """Rules for the next hypothesis."""
        return self._config

    @property
    def allowance(self) -> Allowance | None:
        """What may be shown of the next hypothesis; None does not limit it."""
        return None

    def observe_hypothesis(self, before: Sequence[str], after: Sequence[str]) -> None:
        """See two successive hypotheses of a segment; the first has none before it."""

    def observe(self, caption: Caption) -> None:
        """See the next caption of the session."""


class ErasureBudget(Dial):
    """Keeps erased ÷ committed words within `config.budget`, at every moment."""

    def __init__(self, config: StabilityConfig) -> None:
        """Start without credit: the first words are shown when they are committed."""
        super().__init__(config)
        self._budget = config.budget
        self._meter = LiveMeter()
        self._n_words = 0.0  # by which hypotheses grew; recent ones count more
        self._rewritten = [0.0] * (MOST_HIDDEN + 1)  # words rewritten beyond the last 0, 1, 2 …

    @property
    def allowance(self) -> Allowance:
        """Room for as many tentative words as could all be taken back."""
        spare = self._budget * self._meter.n_committed - self._meter.n_erased
        return Allowance(spare=spare, per_word=self._budget, n_hidden=self._n_hidden(spare))

    def observe_hypothesis(self, before: Sequence[str], after: Sequence[str]) -> None:
        """Learn how deep the end of a hypothesis is rewritten by the next."""
        depth = len(before) - common_prefix(before, after)
        self._n_words = _MEMORY * self._n_words + max(len(after) - len(before), 0)
        self._rewritten = [
            _MEMORY * rewritten + max(depth - n_hidden, 0)
            for n_hidden, rewritten in enumerate(self._rewritten)
        ]

    def observe(self, caption: Caption) -> None:
        """Count what was taken back and what was committed."""
        self._meter.observe(caption)

    def _n_hidden(self, spare: float) -> int:
        """The fewest hidden words with which showing the rest would have been affordable."""
        rate = self._budget + max(spare, 0.0) / _HORIZON_WORDS
        affordable = rate * self._n_words
        return next(
            (n for n, rewritten in enumerate(self._rewritten) if rewritten <= affordable),
            MOST_HIDDEN,
        )


class DelayDial(Dial):
    """Steers mask-k so that words settle `config.delay_s` after they were said, in the mean."""

    def __init__(self, config: StabilityConfig) -> None:
        """Start with the mask that is set."""
        super().__init__(config)
        self._delay_s = config.delay_s or 0.0

    def observe(self, caption: Caption) -> None:
        """Hide more words after a segment that settled early, fewer after a late one."""
        n_words = len(caption.words)
        if not caption.final or not n_words:
            return
        early_s = self._delay_s - sum(word.delay_s for word in caption.words) / n_words
        word_s = max((caption.end_s - caption.start_s) / n_words, 0.05)
        stride = round(_GAIN * early_s / word_s)
        if early_s < 0:
            stride = min(stride, -1)
        stride = max(-_LONGEST_STRIDE, min(stride, _LONGEST_STRIDE))
        mask_k = max(0, min(self._config.mask_k + stride, MOST_HIDDEN))
        self._config = replace(self._config, mask_k=mask_k)


def make_dial(config: StabilityConfig) -> Dial:
    """The dial for what the configuration asks to be held."""
    if config.budget != math.inf:
        return ErasureBudget(config)
    return Dial(config) if config.delay_s is None else DelayDial(config)


class AdjustableDial(Dial):
    """A dial that the user turns while a session runs; `turn` may be called from any thread."""

    def __init__(self, config: StabilityConfig) -> None:
        """Start with what this asks to be held."""
        super().__init__(config)
        self._held = make_dial(config)

    @property
    def config(self) -> StabilityConfig:
        """Rules for the next hypothesis."""
        return self._held.config

    @property
    def allowance(self) -> Allowance | None:
        """What may be shown of the next hypothesis; None does not limit it."""
        return self._held.allowance

    def turn(self, config: StabilityConfig) -> None:
        """Hold this from the next hypothesis on; what was shown before counts no more."""
        self._held = make_dial(config)

    def observe_hypothesis(self, before: Sequence[str], after: Sequence[str]) -> None:
        """See two successive hypotheses of a segment; the first has none before it."""
        self._held.observe_hypothesis(before, after)

    def observe(self, caption: Caption) -> None:
        """See the next caption of the session."""
        self._held.observe(caption)
