"""The session: source prefixes and the time in, captions out.

A synchronous state machine without clock, task or socket. It owns what makes captions a sequence:
their numbers, the committed text of both sides, the erasure. One source segment becomes one
caption segment, or several where it is too long to translate as one (see `_cut_point`).
"""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.captions import Caption, Text
from engine.source import SourcePrefix
from engine.stability import (
    StabilityConfig,
    StableTarget,
    close,
    common_prefix,
    graft_point,
    settle,
)
from engine.stability_control import Dial, make_dial
from engine.translator import Hypothesis, Translator, TranslatorSession

MAX_SOURCE_WORDS = 40
"""A caption segment with more source words than this is cut."""

_SENTENCE_ENDS = ".?!…。？！"
_CLAUSE_ENDS = ",;:،、—–"
_CLOSERS = "\"'”’»)]"

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Source:
    """The source segment being read."""

    segment: int
    lang: str
    start_s: float
    end_s: float
    words: list[str] = field(default_factory=list)
    n_committed: int = 0
    """Leading words that will not change."""
    n_cut: int = 0
    """Leading words that belong to caption segments already final."""

    def read(self, prefix: SourcePrefix) -> None:
        """Take in a newer prefix; committed words stay even if it contradicts them."""
        words = prefix.committed.split()
        n_committed = len(words)
        words += prefix.tentative.split()
        if prefix.finished:
            n_committed = len(words)
        kept = self.words[: self.n_committed]
        if words[: len(kept)] != kept:
            point = graft_point(kept, words)
            words = kept + words[point:]
            n_committed = len(kept) + max(0, n_committed - point)
        self.words = words
        self.n_committed = max(n_committed, len(kept))
        self.end_s = max(self.end_s, prefix.end_s)


@dataclass(slots=True)
class _Part:
    """The caption segment being written: all or a part of the source segment."""

    start_s: float
    target: StableTarget = field(default_factory=StableTarget)
    translating: TranslatorSession | None = None
    translated: str | None = None
    """Source text of the newest hypothesis."""
    last: Caption | None = None
    n_shown_committed: int = 0
    """Committed source words that its captions have shown: a cut cannot lie before them."""
    failed: bool = False


class Session:
    """Captions of one stream, in order."""

    def __init__(
        self,
        translator: Translator,
        *,
        session: str,
        stability: StabilityConfig | Dial | None = None,
        max_source_words: int = MAX_SOURCE_WORDS,
    ) -> None:
        """Start without captions.

        Args:
            translator: the policy; its calls happen inside `feed`, in the caller's thread.
            session: the id that the captions carry.
            stability: when target words are shown and committed; a budget or a delay is held by
                adapting the rest, and a dial of the caller's may be turned while it runs.
            max_source_words: longer caption segments are cut.
        """
        if max_source_words < 4:
            raise ValueError(f"max_source_words = {max_source_words} is not 4 or more")
        rules = stability or StabilityConfig()
        self._dial = rules if isinstance(rules, Dial) else make_dial(rules)
        self._translator = translator
        self._id = session
        self._max_words = max_source_words
        self._seq = 0
        self._n_segments = 0
        self._newest_finished = -1
        self._source: _Source | None = None
        self._part: _Part | None = None

    def feed(self, prefix: SourcePrefix, now_s: float) -> list[Caption]:
        """Translate a source prefix; see `steps`."""
        return list(self.steps(prefix, now_s))

    def finish(self, now_s: float) -> list[Caption]:
        """Make the open segment final, if there is one; see `finish_steps`."""
        return list(self.finish_steps(now_s))

    def steps(self, prefix: SourcePrefix, now_s: float) -> Iterator[Caption]:
        """Translate a source prefix, one caption at a time.

        A prefix of a segment that is finished already says nothing. A prefix of a newer segment
        makes the open one final first. An iterator that is dropped half way leaves the session in
        order: the next call goes on from there.
        """
        if prefix.segment <= self._newest_finished:
            _logger.debug("prefix of segment %s comes after its end", prefix.segment)
            return
        source = self._source
        if source is not None and prefix.segment != source.segment:
            if prefix.segment < source.segment:
                return
            yield from self.finish_steps(now_s)
            source = None
        if source is None:
            source = self._source = _Source(
                segment=prefix.segment,
                lang=prefix.lang,
                start_s=prefix.start_s,
                end_s=prefix.start_s,
            )
        source.read(prefix)
        yield from self._advance(source, now_s, finished=prefix.finished)

    def finish_steps(self, now_s: float) -> Iterator[Caption]:
        """Make the open segment final with the words read so far, one caption at a time."""
        source = self._source
        if source is not None:
            source.n_committed = len(source.words)
            yield from self._advance(source, now_s, finished=True)

    def _advance(self, source: _Source, now_s: float, *, finished: bool) -> Iterator[Caption]:
        while True:
            part = self._part
            if part is None:
                part = self._part = _Part(start_s=source.start_s)
            words = source.words[source.n_cut :]
            n_committed = source.n_committed - source.n_cut
            n_cut = self._cut_point(words, n_committed, part.n_shown_committed, finished)
            if not n_cut:
                break
            end_s = part.start_s + (source.end_s - part.start_s) * n_cut / len(words)
            caption = self._revise(source, part, words[:n_cut], n_cut, end_s, now_s, final=True)
            source.n_cut += n_cut
            self._part = _Part(start_s=end_s)
            assert caption is not None
            yield caption
        caption = self._revise(
            source, part, words, n_committed, source.end_s, now_s, final=finished
        )
        if finished:
            self._newest_finished = source.segment
            self._source = self._part = None
        if caption is not None:
            yield caption

    def _revise(
        self,
        source: _Source,
        part: _Part,
        words: Sequence[str],
        n_committed: int,
        end_s: float,
        now_s: float,
        *,
        final: bool,
    ) -> Caption | None:
        """The next caption of a part, or none if nothing visible changed."""
        last = part.last
        if last is None and not words:
            return None
        self._translate(part, words, n_committed, final=final)
        heard = _text(source.lang, words[:n_committed], words[n_committed:])
        meant = _text(self._translator.target_lang, part.target.committed, part.target.tentative)
        if last is not None and not final and (heard, meant) == (last.source, last.target):
            return None
        caption = Caption(
            session=self._id,
            seq=self._seq,
            segment=self._n_segments if last is None else last.segment,
            revision=0 if last is None else last.revision + 1,
            source=heard,
            target=meant,
            final=final,
            start_s=part.start_s,
            end_s=max(end_s, part.start_s),
            emitted_s=now_s,
            erased=0 if last is None else _erased(last.target, part.target.shown),
        )
        self._seq += 1
        self._n_segments += last is None
        self._dial.observe(caption)
        part.last = caption
        part.n_shown_committed = n_committed
        return caption

    def _translate(
        self, part: _Part, words: Sequence[str], n_committed: int, *, final: bool
    ) -> None:
        text = " ".join(words)
        if text == part.translated and not final:
            return
        hypothesis = Hypothesis(words=(), n_fixed=0)
        if text:
            part.translating = part.translating or self._translator.start()
            try:
                hypothesis = part.translating.update(
                    text, finished=final, committed=part.target.committed
                )
            except ValueError as error:
                if not part.failed:
                    _logger.warning("a segment goes on without a newer translation: %s", error)
                part.failed = True
                part.target = close(part.target) if final else part.target
                return
        part.translated = text
        before, part.target = (
            part.target,
            settle(
                part.target,
                hypothesis,
                evidence=" ".join(words[: max(n_committed, len(words) - 1)]),
                finished=final,
                config=self._dial.config,
                allowance=self._dial.allowance,
            ),
        )
        self._dial.observe_hypothesis(before.newest, part.target.newest)

    def _cut_point(
        self, words: Sequence[str], n_committed: int, n_shown: int, finished: bool
    ) -> int:
        """After how many words a long part is cut; 0 leaves it whole.

        A cut lies in committed text, not before what is shown as committed, and leaves words
        behind it. Beyond half the limit a sentence end is reason enough; beyond the limit the
        part is cut at the best place: a sentence end, a clause end or any word, nearest to an
        even division of a finished segment and to the limit otherwise. While less than a
        quarter of the limit is committed, the cut waits.
        """
        limit = self._max_words
        n_pieces = math.ceil(len(words) / limit)
        aim = math.ceil(len(words) / n_pieces) if finished and words else limit
        places = range(max(n_shown, 1), min(n_committed, limit, len(words) - 1) + 1)
        if len(words) <= limit:
            ends = [n for n in places if n > limit // 2 and _ending(words[n - 1]) == 2]
            return ends[-1] if ends and not finished else 0
        if not places or (n_committed < limit // 4 and not finished):
            return 0
        return max(
            places,
            key=lambda n: (_ending(words[n - 1]) if 2 * n >= aim else -1, -abs(n - aim)),
        )


def _text(lang: str, committed: Sequence[str], tentative: Sequence[str]) -> Text:
    return Text(lang=lang, committed=" ".join(committed), tentative=" ".join(tentative))


def _erased(previous: Text, shown: Sequence[str]) -> int:
    words = previous.full.split()
    return len(words) - common_prefix(words, shown)


def _ending(word: str) -> int:
    """2 if a sentence ends with this word, 1 if a clause does, 0 otherwise."""
    last = word.rstrip(_CLOSERS)[-1:]
    if not last:
        return 0
    return 2 if last in _SENTENCE_ENDS else int(last in _CLAUSE_ENDS)
