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
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.acoustics import FRAME_CENTRE_S, FRAME_SAMPLES, Decoder
from engine.agreement import Word
from engine.audio import SAMPLE_RATE_HZ, AudioChunk, SampleRing, Samples, clean
from engine.recognizer_config import FRAME_MS, RecognizerConfig
from engine.source import SourcePrefix
from engine.utterance import Utterance
from engine.vad import SpeechDetector, SpeechEvent

logger = logging.getLogger(__name__)

_BLOCK_SAMPLES = SAMPLE_RATE_HZ  # a longer chunk is worked on in pieces: memory stays bounded
_LONGEST_FILL_SAMPLES = 2 * SAMPLE_RATE_HZ  # silence put in for lost sound; more is skipped
_JITTER_S = 0.1  # chunk times that are off by less are taken for exact
_END_PADDING = np.zeros(2 * SAMPLE_RATE_HZ // 5, np.float32)  # 0.4 s: room for the last token


@dataclass(frozen=True, slots=True)
class RecognizedToken:
    """One subword of a word, with session times as its word has them."""

    piece: str
    start_s: float
    end_s: float
    confidence: float
    """Mean probability over its frames, 0 to 1."""


@dataclass(frozen=True, slots=True)
class RecognizedWord:
    """One word of a segment."""

    text: str
    start_s: float
    """Session time, in seconds, to the precision of a frame (80 ms)."""
    end_s: float
    confidence: float
    """That of its least sure token, 0 to 1."""
    tokens: tuple[RecognizedToken, ...]


class StreamingRecognizer:
    """Recognises one stream of sound while it comes in."""

    def __init__(
        self,
        decoder: Decoder,
        vad: SpeechDetector,
        *,
        lang: str,
        config: RecognizerConfig | None = None,
    ) -> None:
        """Start a stream.

        Args:
            decoder: the acoustic model with its search; shared between streams.
            vad: a fresh voice detector; it sets the padding in front of speech and the silence
                that ends a segment.
            lang: ISO 639-1 code of the language spoken.
            config: a preset or settings of one's own; `balanced` without.
        """
        self._decoder = decoder
        self._vad = vad
        self._lang = lang
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
        self._shown: tuple[str, str] | None = None  # texts of the segment's newest prefix
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
        n_samples = round(self._config.buffer_s * SAMPLE_RATE_HZ)
        self._decoder.decode(np.zeros(n_samples, np.float32), lang=self._lang)

    def stretch(self, factor: int) -> None:
        """Recognise at every `factor`-th step only, from the next one on; 1 is as it was set."""
        self._stretched = factor

    def accept(self, chunk: AudioChunk, *, catch_up: bool = False) -> list[SourcePrefix]:
        """Take the next chunk.

        Lost sound (a chunk that starts later than the last one ended) counts as silence.

        Args:
            chunk: follows the previous one; zero samples are allowed.
            catch_up: the stream is behind: leave out all steps within this chunk but the last.

        Returns:
            The prefixes that became known, in order; often none.
        """
        prefixes = self._close_gap(chunk)
        for begin in range(0, len(chunk.samples), _BLOCK_SAMPLES):
            block = chunk.samples[begin : begin + _BLOCK_SAMPLES]
            prefixes += self._advance(block, catch_up=catch_up)
        return prefixes

    def finish(self) -> list[SourcePrefix]:
        """The stream is over: finish the segment in progress."""
        return self._end_utterance(self._ring.end, _END_PADDING)

    def _close_gap(self, chunk: AudioChunk) -> list[SourcePrefix]:
        if self._origin_s is None:
            self._origin_s = chunk.start_s
        lost_s = chunk.start_s - self._time(self._ring.end)
        if lost_s < _JITTER_S:
            return []
        logger.warning("%.1f s of sound were lost before %.1f s", lost_s, chunk.start_s)
        n_lost = round(lost_s * SAMPLE_RATE_HZ)
        n_filled = min(n_lost, _LONGEST_FILL_SAMPLES)
        prefixes = self._advance(np.zeros(n_filled, np.float32), catch_up=True)
        if n_lost > n_filled:
            prefixes += self._end_utterance(self._ring.end)
            self._origin_s += (n_lost - n_filled) / SAMPLE_RATE_HZ
        return prefixes

    def _advance(self, block: Samples, *, catch_up: bool) -> list[SourcePrefix]:
        samples, n_invalid = clean(block)
        self.n_invalid += n_invalid
        self._ring.append(samples)
        prefixes = []
        for event in self._vad.feed(samples):
            prefixes += self._run_steps(event.noticed, catch_up=catch_up)
            prefixes += self._handle(event)
        prefixes += self._run_steps(self._vad.position, catch_up=catch_up)
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
                self._ring, self._decoder, start=start, lang=self._lang, config=self._config
            )
            n_frames = (event.noticed - start) // FRAME_SAMPLES
            step = self._step_frames(self._utterance)
            self._next_step = (n_frames // step + 1) * step
        return []

    def _step_frames(self, utterance: Utterance) -> int:
        """How many frames further the next step reads: fewer until something is to be shown."""
        config = self._config
        step_ms = config.first_step_ms if utterance.is_opening() else config.step_ms
        return self._stretched * step_ms // FRAME_MS

    def _run_steps(self, until: int, *, catch_up: bool) -> list[SourcePrefix]:
        prefixes: list[SourcePrefix] = []
        utterance = self._utterance
        if utterance is None:
            return prefixes
        while utterance.position(self._next_step) <= until:
            step = self._step_frames(utterance)
            if catch_up:
                n_frames = (until - utterance.start) // FRAME_SAMPLES
                self._next_step += (n_frames - self._next_step) // step * step
            end = utterance.position(self._next_step)
            utterance.step(self._next_step)
            self._next_step += self._step_frames(utterance)
            prefixes += self._tell(utterance, end)
            if utterance.ends_segment() or utterance.is_empty_for_long():
                prefixes += self._tell_finished(utterance, utterance.segment_end)
                utterance.start_segment()
                prefixes += self._tell(utterance, end)
        return prefixes

    def _end_utterance(self, end: int, padding: Samples | None = None) -> list[SourcePrefix]:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return []
        utterance.finish(end, np.zeros(0, np.float32) if padding is None else padding)
        return self._tell_finished(utterance, end)

    def _tell(self, utterance: Utterance, end: int) -> list[SourcePrefix]:
        """The prefix of the segment in progress, if its text is not what was told last."""
        texts = (_join(utterance.committed), _join(utterance.tentative))
        if texts == (self._shown or ("", "")):
            return []
        self._shown = texts
        return [self._prefix(utterance, end, texts, finished=False)]

    def _tell_finished(self, utterance: Utterance, end: int) -> list[SourcePrefix]:
        """The last prefix of the segment; none if it never had a word."""
        text = _join(utterance.committed)
        if not text and self._shown is None:
            return []
        prefix = self._prefix(utterance, end, (text, ""), finished=True)
        self._shown = None
        self._segment += 1
        self._last_end = end
        last_word = utterance.committed[-1:]
        if last_word:
            self._told_until = utterance.position(last_word[0].last_frame + 1)
        return [prefix]

    def _prefix(
        self, utterance: Utterance, end: int, texts: tuple[str, str], *, finished: bool
    ) -> SourcePrefix:
        committed, tentative = texts
        words = self._timed(utterance, with_tentative=bool(tentative))
        self._words = words[: len(utterance.committed)]
        return SourcePrefix(
            segment=self._segment,
            lang=self._lang,
            committed=committed,
            tentative=tentative,
            finished=finished,
            start_s=self._time(max(utterance.segment_start, self._last_end)),
            end_s=self._time(end),
            spoken_s=tuple(word.end_s for word in words),
        )

    def _timed(self, utterance: Utterance, *, with_tentative: bool) -> tuple[RecognizedWord, ...]:
        origin_s = self._time(utterance.start) + FRAME_CENTRE_S - FRAME_MS / 2000
        words: list[RecognizedWord] = []
        for word in (*utterance.committed, *(utterance.tentative if with_tentative else ())):
            tokens = []
            # It may have moved a little since the word before it was committed.
            free_s = words[-1].end_s if words else -math.inf
            for token in word.tokens:
                start_s = max(free_s, origin_s + token.first_frame * FRAME_MS / 1000)
                free_s = max(start_s, origin_s + (token.last_frame + 1) * FRAME_MS / 1000)
                tokens.append(RecognizedToken(token.piece, start_s, free_s, token.confidence))
            start_s = tokens[0].start_s
            words.append(RecognizedWord(word.text, start_s, free_s, word.confidence, tuple(tokens)))
        return tuple(words)

    def _time(self, position: int) -> float:
        return (self._origin_s or 0.0) + position / SAMPLE_RATE_HZ


def _join(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
