"""The streaming recogniser: chunks of sound in, source prefixes out.

A bidirectional CTC encoder was made for whole recordings. Here it runs live by buffered
re-encoding: while the voice detector hears speech, the last seconds are encoded again at every
step, words that agree between steps and have enough sound behind them are committed
(`engine.agreement`), and where speech ends the whole utterance is encoded once more for the words
not yet committed. What is committed is never taken back.

Synchronous, without a clock: what comes out depends on the samples alone, not on how they were
cut into chunks.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.acoustics import FRAME_SAMPLES, Decoder
from engine.agreement import Word
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, SampleRing, Samples, clean
from engine.fragments import SentenceEnds
from engine.language import WINDOW_S, LanguageIdentifier, LanguageWatch
from engine.recognized import RecognizedWord, timed_words
from engine.recognizer_config import FRAME_MS, RecognizerConfig
from engine.source import SourcePrefix
from engine.utterance import Utterance
from engine.vad import SpeechDetector, SpeechEvent

logger = logging.getLogger(__name__)

_BLOCK_SAMPLES = SAMPLE_RATE_HZ  # a longer chunk is worked on in pieces: memory stays bounded
_FILL_SAMPLES = 2 * SAMPLE_RATE_HZ  # silence put in for lost sound; of more, what ends the speech
_JITTER_S = 0.1  # chunk times that are off by less are taken for exact
_END_PADDING = np.zeros(2 * SAMPLE_RATE_HZ // 5, np.float32)  # 0.4 s: room for the last token


class _Texts(NamedTuple):
    """What is told of a segment."""

    lang: str
    committed: str
    tentative: str
    translation: str | None

    @property
    def nothing_heard(self) -> bool:
        return not (self.committed or self.tentative)


class StreamingRecognizer:
    """Recognises one stream of sound while it comes in."""

    def __init__(
        self,
        decoder: Decoder,
        vad: SpeechDetector,
        *,
        lang: str,
        config: RecognizerConfig | None = None,
        identifier: LanguageIdentifier | None = None,
        translator: Decoder | None = None,
    ) -> None:
        """Start a stream.

        Args:
            decoder: the acoustic model with its search; shared between streams.
            vad: a fresh voice detector; it sets the padding in front of speech and the silence
                that ends a segment.
            lang: ISO 639-1 code of the language spoken; with an identifier that which is assumed
                until it was heard.
            config: a preset or settings of one's own; `balanced` without.
            identifier: tells the language of each stretch of speech, and when it changes.
            translator: gives the tokens of a translation instead of what was said.
        """
        self._decoder = decoder
        self._vad = vad
        self._language = LanguageWatch(lang)
        self._identifier = identifier
        self._translator = translator
        self._config = config or RecognizerConfig()
        self._ring = SampleRing()
        self._origin_s: float | None = None  # session time of sample position 0
        self._utterance: Utterance | None = None
        self._stretched = 1
        self._next_step = 0  # frame of the utterance up to which the next step reads
        self._onset: int | None = None  # sample position where speech last began
        self._told_until = 0  # sample position behind the last word of finished segments
        self._last_end = 0  # sample position that finished segments reach to
        self._segment = 0
        self._shown: _Texts | None = None  # of the segment's newest prefix
        self._ends = SentenceEnds(
            round(self._config.fragment_hold_s * SAMPLE_RATE_HZ), joins=translator is None
        )
        self._words: tuple[RecognizedWord, ...] = ()
        self.n_invalid = 0
        """Samples so far that were NaN or infinite, and count as silence."""

    @property
    def words(self) -> tuple[RecognizedWord, ...]:
        """Committed words of the segment that the newest prefix belongs to."""
        return self._words

    @property
    def speech_start_s(self) -> float | None:
        """Session time from which the newest stretch of speech was heard; None before any."""
        return None if self._onset is None else self._time(self._onset)

    @property
    def step_ms(self) -> int:
        """How much new sound a step waits for, as it was set."""
        return self._config.step_ms

    def rehearse(self) -> None:
        """Do the work of a step with a full buffer, for a test; the stream does not notice."""
        sound = np.zeros(round(self._config.buffer_s * SAMPLE_RATE_HZ), np.float32)
        for decoder in (self._decoder, self._translator):
            if decoder is not None:
                decoder.decode(sound, lang=self._language.language)

    def stretch(self, factor: int) -> None:
        """Recognise at every `factor`-th step only, from the next one on; 1 is as it was set."""
        self._stretched = factor

    def accept(self, chunk: AudioChunk) -> list[SourcePrefix]:
        """Take the next chunk.

        Lost sound (a chunk that starts later than the last one ended) counts as silence.

        Args:
            chunk: follows the previous one; zero samples are allowed.

        Returns:
            The prefixes that became known, in order; often none.
        """
        prefixes = self._close_gap(chunk)
        for begin in range(0, len(chunk.samples), _BLOCK_SAMPLES):
            block = chunk.samples[begin : begin + _BLOCK_SAMPLES]
            prefixes += self._advance(block)
        return prefixes

    def finish(self) -> list[SourcePrefix]:
        """The stream is over: finish the segment in progress."""
        return self._end_utterance(self._ring.end, _END_PADDING) + self._ends.close()

    def _close_gap(self, chunk: AudioChunk) -> list[SourcePrefix]:
        if self._origin_s is None:
            self._origin_s = chunk.start_s
        lost_s = chunk.start_s - self._time(self._ring.end)
        if lost_s < _JITTER_S:
            return []
        logger.warning("%.1f s of sound were lost before %.1f s", lost_s, chunk.start_s)
        n_lost, n_filled = round(lost_s * SAMPLE_RATE_HZ), 0
        prefixes = []
        while n_filled < n_lost and (n_filled < _FILL_SAMPLES or self._utterance is not None):
            silence = np.zeros(min(n_lost - n_filled, _BLOCK_SAMPLES), np.float32)
            prefixes += self._advance(silence)
            n_filled += len(silence)
        if n_lost > n_filled:
            prefixes += self._ends.close()
            self._origin_s += (n_lost - n_filled) / SAMPLE_RATE_HZ
        return prefixes

    def _advance(self, block: Samples) -> list[SourcePrefix]:
        samples, n_invalid = clean(block)
        self.n_invalid += n_invalid
        self._ring.append(samples)
        prefixes = []
        for event in self._vad.feed(samples):
            prefixes += self._run_steps(event.noticed)
            prefixes += self._handle(event)
        prefixes += self._run_steps(self._vad.position)
        prefixes += self._ends.silence(self._vad.position)
        keep_from = self._vad.keep_from
        if self._utterance is not None:
            keep_from = min(keep_from, self._utterance.keep_from)
        self._ring.discard_before(keep_from)
        return prefixes

    def _handle(self, event: SpeechEvent) -> list[SourcePrefix]:
        if event.kind == "end":
            return self._end_utterance(event.noticed)
        if event.kind == "sure":
            if self._utterance is None:
                return []
            self._utterance.believe()
            return self._tell(self._utterance, event.noticed)  # what was kept back until now
        if self._utterance is None:
            self._onset = event.onset
            start = max(event.position, self._told_until, self._ring.start)
            self._utterance = Utterance(
                self._ring,
                self._decoder,
                start=start,
                lang=self._language.language,
                config=self._config,
                translator=self._translator,
            )
            self._language.begin()
            n_frames = (event.noticed - start) // FRAME_SAMPLES
            step = self._step_frames(self._utterance)
            self._next_step = (n_frames // step + 1) * step
        return self._ends.speech(event.noticed)

    def _step_frames(self, utterance: Utterance) -> int:
        """How many frames further the next step reads: fewer until something is to be shown."""
        config = self._config
        step_ms = config.first_step_ms if utterance.is_opening() else config.step_ms
        return self._stretched * step_ms // FRAME_MS

    def _run_steps(self, until: int) -> list[SourcePrefix]:
        prefixes: list[SourcePrefix] = []
        utterance = self._utterance
        if utterance is None:
            return prefixes
        while utterance.position(self._next_step) <= until:
            end = utterance.position(self._next_step)
            prefixes += self._identify(utterance, end)
            utterance.step(self._next_step)
            self._next_step += self._step_frames(utterance)
            prefixes += self._tell(utterance, end)
            if utterance.ends_segment() or utterance.is_empty_for_long():
                prefixes += self._cut(utterance, goes_on=utterance.goes_on())
                prefixes += self._tell(utterance, end)
        return prefixes

    def _identify(
        self, utterance: Utterance, end: int, *, at_end: bool = False
    ) -> list[SourcePrefix]:
        """Ask for the language when it is time; a change ends a segment that has words."""
        n_samples = end - utterance.start
        if self._identifier is None or not (at_end or self._language.is_due(n_samples)):
            return []
        window = round(WINDOW_S * SAMPLE_RATE_HZ)
        newest = self._ring.read(max(utterance.keep_from, end - window), end)
        answer = self._identifier.probabilities(newest)
        prefixes: list[SourcePrefix] = []
        if self._language.hear(answer, committed=bool(utterance.committed)):
            if utterance.committed:
                prefixes = self._cut(utterance, goes_on=False)
            utterance.lang = self._language.language
        return prefixes

    def _cut(self, utterance: Utterance, *, goes_on: bool) -> list[SourcePrefix]:
        """End the segment in progress, and begin another one in the same utterance."""
        last = self._finished(utterance, utterance.segment_end)
        utterance.start_segment()
        return [] if last is None else self._ends.end(last, goes_on=goes_on)

    def _end_utterance(self, end: int, padding: Samples | None = None) -> list[SourcePrefix]:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return []
        prefixes = []
        if not self._language.has_asked:
            prefixes = self._identify(utterance, end, at_end=True)
        utterance.finish(end, np.zeros(0, np.float32) if padding is None else padding)
        last = self._finished(utterance, end)
        return prefixes if last is None else prefixes + self._ends.pause(last, end)

    def _tell(self, utterance: Utterance, end: int) -> list[SourcePrefix]:
        """The prefix of the segment in progress, if its text is not what was told last."""
        committed, tentative = _join(utterance.committed), _join(utterance.tentative)
        texts = _Texts(utterance.lang, committed, tentative, utterance.translation)
        if texts == self._shown or (self._shown is None and texts.nothing_heard):
            return []
        self._shown = texts
        return [self._prefix(utterance, end, texts, finished=False)]

    def _finished(self, utterance: Utterance, end: int) -> SourcePrefix | None:
        """The last prefix of the segment; none if it never had a word and continues nothing."""
        text = _join(utterance.committed)
        if not text and self._shown is None and not self._ends.within:
            return None
        texts = _Texts(utterance.lang, text, "", utterance.translation)
        prefix = self._prefix(utterance, end, texts, finished=True)
        self._shown = None
        self._segment += 1
        self._last_end = end
        last_word = utterance.committed[-1:]
        if last_word:
            self._told_until = utterance.position(last_word[0].last_frame + 1)
        return prefix

    def _prefix(
        self, utterance: Utterance, end: int, texts: _Texts, *, finished: bool
    ) -> SourcePrefix:
        told = (*utterance.committed, *(utterance.tentative if texts.tentative else ()))
        words = timed_words(told, self._time(utterance.start))
        self._words = words[: len(utterance.committed)]
        return SourcePrefix(
            segment=self._segment,
            lang=texts.lang,
            committed=texts.committed,
            tentative=texts.tentative,
            finished=finished,
            start_s=self._time(max(utterance.segment_start, self._last_end)),
            end_s=self._time(end),
            translation=texts.translation,
            spoken_s=tuple(word.end_s for word in words),
        )

    def _time(self, position: int) -> float:
        return (self._origin_s or 0.0) + position / SAMPLE_RATE_HZ


def _join(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
