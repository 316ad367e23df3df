"""The session: source prefixes and the time in, captions out.

A synchronous state machine without clock, task or socket. It owns what makes captions a sequence:
their numbers, the committed text of both sides, the erasure. One source segment, with those that
continue it, becomes one caption segment, or several where that is too long to translate as one
(see `engine.cutting`).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from engine.caption_segment import CaptionSegment
from engine.captions import Caption, Text
from engine.cutting import cut_point
from engine.multilingual import start_for
from engine.source import SourcePrefix
from engine.source_segment import SourceSegment
from engine.stability import StabilityConfig, common_prefix
from engine.stability_control import Dial, make_dial
from engine.translator import Context, Translator, TranslatorSession
from engine.word_times import WordRatio

MAX_SOURCE_WORDS = 40
"""A caption segment with more source words than this is cut."""

_logger = logging.getLogger(__name__)


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
        self._source: SourceSegment | None = None
        self._part: CaptionSegment | None = None
        self._context: Context | None = None
        self._ratio = WordRatio()

    def feed(self, prefix: SourcePrefix, now_s: float) -> list[Caption]:
        """Translate a source prefix, all at session time `now_s`; see `steps`."""
        return list(self.steps(prefix, lambda: now_s))

    def finish(self, now_s: float) -> list[Caption]:
        """Make the open segment final, if there is one; see `finish_steps`."""
        return list(self.finish_steps(lambda: now_s))

    def steps(self, prefix: SourcePrefix, now: Callable[[], float]) -> Iterator[Caption]:
        """Translate a source prefix, one caption at a time.

        A prefix of a segment that is finished already says nothing. A prefix of a newer segment
        continues the open one if that goes on, and makes it final first otherwise. An iterator
        that is dropped half way leaves the session in order: the next call goes on from there.
        `now` tells the session time; it is asked after each translation.
        """
        if prefix.segment <= self._newest_finished:
            _logger.debug("prefix of segment %s comes after its end", prefix.segment)
            return
        source = self._source
        if source is not None and prefix.segment != source.segment:
            if prefix.segment < source.segment:
                return
            if source.goes_on and source.lang == prefix.lang:
                source.go_on(prefix.segment)
            else:
                yield from self.finish_steps(now)
                source = None
        if source is None:
            source = self._source = SourceSegment.begin(prefix)
        lang, translation = source.lang, source.translation
        source.read(prefix)
        if self._part is not None and lang != source.lang:
            self._part.translate_anew()
        elif self._part is not None and translation != source.translation:
            self._part.translate_again()
        if source.goes_on:
            self._newest_finished = source.segment
        yield from self._advance(source, now, finished=prefix.finished and not source.goes_on)

    def finish_steps(self, now: Callable[[], float]) -> Iterator[Caption]:
        """Make the open segment final with the words read so far, one caption at a time."""
        source = self._source
        if source is not None:
            source.n_committed = len(source.words)
            yield from self._advance(source, now, finished=True)

    def _advance(
        self, source: SourceSegment, now: Callable[[], float], *, finished: bool
    ) -> Iterator[Caption]:
        while True:
            part = self._part
            if part is None:
                part = self._part = self._begin(source, source.start_s)
            words = source.words[source.n_cut :]
            n_cut = self._cut(source, part, words, now, finished=finished)
            if not n_cut:
                break
            said = self._translate(source, part, n_cut, now, final=True)
            end_s = _time_of_cut(source, part.start_s, n_cut)
            caption = self._caption(source, part, said, now(), end_s=end_s, final=True)
            source.n_cut += n_cut
            self._part = self._begin(source, end_s)
            yield caption
        changed = self._revise(source, part, len(words), now, final=finished)
        if finished:
            self._newest_finished = source.segment
            self._source = self._part = None
        if changed is not None:
            yield changed

    def _begin(self, source: SourceSegment, start_s: float) -> CaptionSegment:
        start = partial(self._start, source)
        return CaptionSegment(start, start_s=start_s, long_words=self._max_words // 2)

    def _start(self, source: SourceSegment) -> TranslatorSession:
        return start_for(self._translator, source, self._context)

    def _cut(
        self,
        source: SourceSegment,
        part: CaptionSegment,
        words: Sequence[str],
        now: Callable[[], float],
        *,
        finished: bool,
    ) -> int:
        """After how many words the part ends although more follow; 0 if it does not."""
        if source.translation is not None:  # which is of the segment as a whole
            return 0
        n_committed = source.n_committed - source.n_cut
        n_cut = cut_point(
            words, n_committed, part.n_shown_committed, finished=finished, limit=self._max_words
        )
        if n_cut or finished or not words:
            return n_cut
        part.translate(words, n_committed, self._dial, now, final=False)
        return part.n_complete(n_committed)

    def _revise(
        self,
        source: SourceSegment,
        part: CaptionSegment,
        n_words: int,
        now: Callable[[], float],
        *,
        final: bool,
    ) -> Caption | None:
        """The next caption of a part with so many words, or none if nothing visible changed."""
        last = part.last
        if last is None and not n_words:
            return None
        said = self._translate(source, part, n_words, now, final=final)
        if (
            last is not None
            and not final
            and (said.heard, said.meant) == (last.source, last.target)
        ):
            return None
        return self._caption(source, part, said, now(), end_s=source.end_s, final=final)

    def _translate(
        self,
        source: SourceSegment,
        part: CaptionSegment,
        n_words: int,
        now: Callable[[], float],
        *,
        final: bool,
    ) -> "_Said":
        """Both sides of a part with so many words."""
        words = source.words[source.n_cut :][:n_words]
        n_committed = min(source.n_committed - source.n_cut, n_words)
        part.translate(words, n_committed, self._dial, now, final=final)
        return _Said(
            n_words=n_words,
            n_committed=n_committed,
            heard=_text(source.lang, words[:n_committed], words[n_committed:]),
            meant=_text(self._translator.target_lang, part.target.committed, part.target.tentative),
        )

    def _caption(
        self,
        source: SourceSegment,
        part: CaptionSegment,
        said: "_Said",
        now_s: float,
        *,
        end_s: float,
        final: bool,
    ) -> Caption:
        """The caption that says it, which is the newest of the part from now on."""
        last = part.last
        caption = Caption(
            session=self._id,
            seq=self._seq,
            segment=self._n_segments if last is None else last.segment,
            revision=0 if last is None else last.revision + 1,
            source=said.heard,
            target=said.meant,
            final=final,
            start_s=part.start_s,
            end_s=max(end_s, part.start_s),
            emitted_s=now_s,
            erased=0 if last is None else _erased(last.target, part.target.shown),
            words=part.times.show(
                part.target.shown,
                len(part.target.committed),
                source.heard[source.n_cut :][: said.n_words],
                now_s,
                final=final,
                ratio=self._ratio(),
            ),
        )
        self._seq += 1
        self._n_segments += last is None
        if final:
            self._ratio.add(said.n_words, len(part.target.committed))
            self._context = Context(
                lang=caption.source.lang,
                source=caption.source.committed,
                target=caption.target.committed,
            )
        self._dial.observe(caption)
        part.last = caption
        part.n_shown_committed = said.n_committed
        return caption


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """The first words of a part that are not cut off, and what they mean."""

    n_words: int
    n_committed: int
    heard: Text
    meant: Text


def _text(lang: str, committed: Sequence[str], tentative: Sequence[str]) -> Text:
    return Text(lang=lang, committed=" ".join(committed), tentative=" ".join(tentative))


def _time_of_cut(source: SourceSegment, start_s: float, n_words: int) -> float:
    """Where the sound of the next words ends that are not cut off yet."""
    spoken_s = source.heard[source.n_cut + n_words - 1].spoken_s
    if start_s < spoken_s < source.end_s:
        return spoken_s
    n_left = len(source.words) - source.n_cut  # typed at once, all at the end: shared out evenly
    return start_s + (source.end_s - start_s) * n_words / n_left


def _erased(previous: Text, shown: Sequence[str]) -> int:
    words = previous.full.split()
    return len(words) - common_prefix(words, shown)
