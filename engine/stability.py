"""Stability: which target words are committed, which are shown, which stay hidden.

A re-translator may change any word with every source prefix. Three rules make it readable:

* **agreement**: a word commits when the last n hypotheses, on n different pieces of evidence, agree
  on it and on all words before it (local agreement, arXiv 2005.11185; we differ in what counts
  as evidence, see `settle`);
* **mask-k**: the last k words of a hypothesis, the likeliest to change, stay hidden until the
  segment ends (arXiv 1912.03393); hidden words do not commit;
* **fixed words**: those that the policy itself never changes (Wait-k: all) commit at once.

Committed words never change. A hypothesis that contradicts them is grafted (`graft_point`).
Everything here is a pure function of what it was given, so the configuration may change from one
call to the next.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.translator import Hypothesis

MAX_ALIGNED_WORDS = 200
"""Longer contradictions are not aligned word by word: the cost grows with the square."""

_ROUNDING = 1e-9  # of sums of fractions that make a whole word
_PUNCTUATION = ".,;:!?…\"'“”„«»()[]–—-"


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilityConfig:
    """How eagerly target words are shown and committed."""

    agreement: int = 2
    """Successive hypotheses that must agree before words commit; 1 commits whatever is shown,
    0 commits nothing before the segment ends."""
    mask_k: int = 0
    """Words at the end of a hypothesis that stay hidden until the segment ends."""
    budget: float = math.inf
    """Normalized erasure that the session may reach: words taken back for each word committed.
    With 0 nothing shown is ever taken back; `inf` is no limit. See `engine.stability_control`."""
    delay_s: float | None = None
    """Mean delay in seconds at which words should settle; as many of them stay hidden as that
    allows. Instead of a budget."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for key, value, high in (
            ("agreement", self.agreement, 10),
            ("mask_k", self.mask_k, 50),
            ("delay_s", self.delay_s, 60),
        ):
            if value is not None and not 0 <= value <= high:
                raise ValueError(f"stability {key} = {value} is not within 0 … {high}")
        if not (0 <= self.budget <= 1 or self.budget == math.inf):
            raise ValueError(f"stability budget = {self.budget} is not within 0 … 1, nor inf")
        if self.budget != math.inf and self.delay_s is not None:
            raise ValueError("stability budget and delay_s cannot both be held; give one of them")


BALANCED = StabilityConfig(budget=0.2)
"""What a session holds unless it is told otherwise: steady enough to be read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What may be shown of the tentative words at one moment, so that a budget holds."""

    spare: float
    """Words that may still be taken back."""
    per_word: float
    """What each further committed word adds to that."""
    n_hidden: int = 0
    """Words at the end of the hypothesis that are too likely to change to be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StableTarget:
    """The target of one segment so far: what is committed, what else is shown, and the evidence."""

    committed: tuple[str, ...] = ()
    tentative: tuple[str, ...] = ()
    history: tuple[tuple[str, ...], ...] = ()
    """Recent hypotheses on different evidence, newest last, each behind the committed words of
    its time."""
    evidence: str | None = None
    """What the newest hypothesis rests on."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Every visible word."""
        return self.committed + self.tentative

    @property
    def newest(self) -> tuple[str, ...]:
        """The newest hypothesis behind the committed words, hidden words included."""
        return self.history[-1] if self.history else self.committed


def settle(
    state: StableTarget,
    hypothesis: Hypothesis,
    *,
    evidence: str,
    finished: bool,
    config: StabilityConfig,
    allowance: Allowance | None = None,
    limit: int | None = None,
) -> StableTarget:
    """Take in the next hypothesis of a segment.

    Args:
        state: what the call before returned; `StableTarget()` at first.
        hypothesis: the translation of the source read so far.
        evidence: the source text that it rests on, without a last word that may be incomplete.
            A hypothesis on the same evidence as the one before takes its place in the count: a
            model that repeats itself while a word is being typed proves nothing. On no evidence
            nothing commits.
        finished: the segment is complete: everything is shown and committed.
        config: may differ from call to call.
        allowance: limits what is shown beyond the committed words; what was shown before and is
            still in the hypothesis stays visible.
        limit: words behind these many are not shown: they will be those of the next segment.
    """
    words = graft(state.committed, hypothesis.words)
    if finished:
        return StableTarget(committed=words, evidence=evidence)
    history = state.history[:-1] if evidence == state.evidence else state.history
    history = (*history, words)[-max(config.agreement, 1) :]
    n_fixed = min(hypothesis.n_fixed, len(words))
    n_shown = max(len(state.committed), n_fixed, len(words) - config.mask_k)
    n_committed = max(len(state.committed), n_fixed)
    if config.agreement and len(history) >= config.agreement and evidence:
        n_committed = max(n_committed, min(_common_length(history), n_shown))
    if limit is not None:
        n_shown = max(len(state.committed), min(n_shown, limit))
        n_committed = min(n_committed, n_shown)
    if allowance is not None:
        n_allowed = _allowed_length(state, words, n_committed, allowance)
        n_shown = max(n_committed, min(n_shown, n_allowed), common_prefix(state.shown, words))
    return StableTarget(
        committed=words[:n_committed],
        tentative=words[n_committed:n_shown],
        history=history,
        evidence=evidence,
    )


def close(state: StableTarget) -> StableTarget:
    """End a segment that has no further hypothesis: what is shown stays."""
    return StableTarget(committed=state.shown, evidence=state.evidence)


def graft(committed: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    """The committed words, followed by the part of `words` that continues them."""
    return (*committed, *words[graft_point(committed, words) :])


def graft_point(committed: Sequence[str], words: Sequence[str]) -> int:
    """How many of `words` the committed words stand for.

    `words` usually start with `committed`; the answer is its length then. Otherwise the committed
    words, past the common beginning, are aligned with every beginning of the rest by edit distance
    (4 for a word inserted, deleted or replaced, 2 for a word that differs in case or punctuation
    only, −1 for the same word), and the beginning of lowest cost is taken to be what they stand
    for. Among equal costs the length nearest to that of the committed words wins, then the longer
    one: a word too few reads better than a word twice.
    """
    same = common_prefix(committed, words)
    n = len(committed) - same
    if n == 0:
        return same
    if n > MAX_ALIGNED_WORDS:
        return min(len(committed), len(words))
    kept, rest = committed[same:], words[same : same + 2 * n + 8]
    costs = [4 * j for j in range(len(rest) + 1)]
    for word in kept:
        diagonal, costs[0] = costs[0], costs[0] + 4
        for j, other in enumerate(rest, 1):
            replaced = diagonal + _distance(word, other)
            diagonal = costs[j]
            costs[j] = min(replaced, costs[j] + 4, costs[j - 1] + 4)
    best = min(range(len(costs)), key=lambda j: (costs[j], abs(j - n), -j))
    return same + best


def common_prefix(one: Sequence[object], two: Sequence[object]) -> int:
    """How many words (or tokens) both start with."""
    n = min(len(one), len(two))
    if one[:n] == two[:n]:  # as a rule, and much sooner said
        return n
    n = 0
    for a, b in zip(one, two, strict=False):
        if a != b:
            break
        n += 1
    return n


def _allowed_length(
    state: StableTarget, words: Sequence[str], n_committed: int, allowance: Allowance
) -> int:
    """How many words may be shown, so that all tentative ones could be taken back again."""
    n_erased = len(state.shown) - common_prefix(state.shown, words)
    earned = allowance.per_word * (n_committed - len(state.committed))
    n_tentative = math.floor(allowance.spare + earned - n_erased + _ROUNDING)
    return min(n_committed + max(n_tentative, 0), len(words) - allowance.n_hidden)


def _common_length(hypotheses: Sequence[Sequence[str]]) -> int:
    newest = hypotheses[-1]
    return min((common_prefix(newest, other) for other in hypotheses[:-1]), default=len(newest))


def _distance(one: str, two: str) -> int:
    if one == two:
        return -1
    bare = one.strip(_PUNCTUATION).casefold()
    return 2 if bare and bare == two.strip(_PUNCTUATION).casefold() else 4
