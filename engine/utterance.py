"""One stretch of speech while it is recognised: the window, the steps, the segments.

An utterance is what the voice detector holds for uninterrupted speech. Its frames count from its
start; the window that is encoded again at every step begins at one of them, so that all windows
share one grid. A long utterance is told as several segments: a segment ends behind a committed
word, and the window goes on over the border.

Noise that is taken for speech gives words that the network does not believe in. So the words of a
segment are kept back until the voice detector is sure that somebody speaks, or the confidences of
the words are enough evidence of it.
"""

from collections.abc import Sequence

import numpy as np

from engine.acoustics import FRAME_SAMPLES, Decoder
from engine.agreement import Word, WordAgreement, group_words
from engine.audio import SampleRing, Samples
from engine.recognizer_config import RecognizerConfig, to_frames

_FRESH_START_FRAMES = 4  # kept in front of a segment that starts anew, as the detector's padding
_OPENING_FRAMES = 20  # 1.6 s: what is no word by then is hardly the beginning of speech
_TRIM_SEARCH_FRAMES = 12  # how far back of the wanted cut a quieter place is looked for


class Utterance:
    """The recogniser's work on one stretch of speech."""

    def __init__(
        self,
        ring: SampleRing,
        decoder: Decoder,
        *,
        start: int,
        lang: str,
        config: RecognizerConfig,
        translator: Decoder | None = None,
    ) -> None:
        """Start at sample position `start`, which `ring` still holds."""
        self.start = start
        self.lang = lang
        """ISO 639-1 code of the language spoken, from the next step on."""
        self._ring = ring
        self._decoder = decoder
        self._translator = translator
        self._translation = ""
        self._config = config
        self._agreement = WordAgreement(
            right_context=to_frames(config.right_context_ms / 1000),
            n_agreeing=config.n_agreeing,
            certain_after=to_frames(config.certain_after_s),
        )
        self._window_frame = 0
        self._segment_frame = 0
        self._n_told = 0  # committed words of earlier segments
        self._n_frames = 0
        self._credible = False  # whether the current segment's words are taken for speech

    @property
    def committed(self) -> Sequence[Word]:
        """Committed words of the current segment; none while they may be mere noise."""
        return self._agreement.committed[self._n_told :] if self._credible else ()

    @property
    def tentative(self) -> Sequence[Word]:
        """Tentative words of the current segment; none while they may be mere noise."""
        return self._agreement.tentative if self._credible else ()

    @property
    def translation(self) -> str | None:
        """The translation of the current segment; None where nothing translates speech."""
        if self._translator is None:
            return None
        return self._translation if self._credible else ""

    @property
    def segment_start(self) -> int:
        """Sample position where the current segment starts."""
        return self.position(self._segment_frame)

    @property
    def segment_end(self) -> int:
        """Sample position where the current segment would end if it ended now."""
        return self.position(self._border_frame())

    @property
    def keep_from(self) -> int:
        """Oldest sample position that a later step or the last pass reads."""
        return self.position(min(self._window_frame, self._last_pass_frame()))

    def position(self, frame: int) -> int:
        """Sample position where a frame starts."""
        return self.start + frame * FRAME_SAMPLES

    def believe(self) -> None:
        """Take what is heard now for speech, whatever its words."""
        self._credible = True

    def step(self, n_frames: int) -> None:
        """Recognise the window up to before frame `n_frames`."""
        self._n_frames = n_frames
        words = self._decode(self._window_frame, self.position(n_frames))
        self._agreement.step(words, n_frames, pause_frames=self._needed_pause())
        self._weigh()
        self._translate(self.position(n_frames))
        self._trim(words)

    def finish(self, end: int, padding: Samples) -> None:
        """Recognise the segment once more as a whole, up to sample position `end`.

        Args:
            end: sample position after the last sound.
            padding: put behind the sound, where it was cut off rather than followed by silence.
        """
        words = self._decode(self._last_pass_frame(), end, padding, last=True)
        self._agreement.finish(words)
        self._weigh()
        self._translate(end, padding)

    def is_opening(self) -> bool:
        """Whether speech has only just begun and shows no word yet."""
        return self._n_frames < _OPENING_FRAMES and not (self.committed or self.tentative)

    def ends_segment(self) -> bool:
        """Whether the current segment should end behind its last committed word."""
        needed = self._needed_pause()
        return bool(self.committed) and self._pause() >= needed

    def goes_on(self) -> bool:
        """Whether a segment that ends now would end while somebody speaks."""
        return bool(self.committed) and self._pause() < to_frames(self._config.text_endpoint_s)

    def is_empty_for_long(self) -> bool:
        """Whether the current segment still has no word after the time allowed."""
        n_frames = self._n_frames - self._segment_frame
        n_allowed = to_frames(self._config.empty_endpoint_s)
        return not self.committed and not self.tentative and n_frames >= n_allowed

    def start_segment(self) -> None:
        """Begin a new segment behind the last committed word, or near the end without words."""
        self._credible = self._credible and self.goes_on()
        self._segment_frame = self._border_frame()
        self._translation = ""
        n_words = len(self._agreement.committed)
        self._agreement.forget(n_words - 1)
        self._n_told = min(n_words, 1)

    def _decode(
        self, first_frame: int, end: int, padding: Samples | None = None, *, last: bool = False
    ) -> list[Word]:
        samples = self._ring.read(self.position(first_frame), end)
        if padding is not None:
            samples = np.concatenate((samples, padding))
        tokens = self._decoder.decode(samples, lang=self.lang, last=last)
        return group_words([token.shifted(first_frame) for token in tokens])

    def _translate(self, end: int, padding: Samples | None = None) -> None:
        """Translate the segment anew: it may change from its first word on."""
        if self._translator is None or not self._credible:
            return
        samples = self._ring.read(self.segment_start, end)
        if padding is not None:
            samples = np.concatenate((samples, padding))
        tokens = self._translator.decode(samples, lang=self.lang)
        self._translation = " ".join(word.text for word in group_words(tokens))

    def _weigh(self) -> None:
        """Believe the words of the segment once they are sure enough together."""
        words = (*self._agreement.committed[self._n_told :], *self._agreement.tentative)
        evidence = sum(word.confidence**2 for word in words)
        self._credible = self._credible or evidence >= self._config.min_evidence

    def _border_frame(self) -> int:
        if self.committed:
            following = self._next_frame() - _FRESH_START_FRAMES
            return max(self.committed[-1].last_frame + 1, following)
        following = self._n_frames - self._undecided_frames() - _FRESH_START_FRAMES
        return max(self._segment_frame, following)

    def _last_pass_frame(self) -> int:
        return max(self._segment_frame - to_frames(self._config.left_context_s), 0)

    def _undecided_frames(self) -> int:
        return to_frames(self._config.right_context_ms / 1000)

    def _needed_pause(self) -> int:
        n_frames = self._n_frames - self._segment_frame
        if n_frames >= to_frames(self._config.longest_segment_s):
            return 0
        if n_frames >= to_frames(self._config.long_segment_s):
            return to_frames(self._config.long_pause_s)
        return to_frames(self._config.text_endpoint_s)

    def _next_frame(self) -> int:
        return self.tentative[0].first_frame if self.tentative else self._n_frames

    def _pause(self) -> int:
        return self._next_frame() - self.committed[-1].last_frame - 1

    def _trim(self, words: Sequence[Word]) -> None:
        if self._n_frames - self._window_frame < to_frames(self._config.buffer_s):
            return
        decided = min(self._next_frame(), self._n_frames - self._undecided_frames())
        latest = decided - to_frames(self._config.left_context_s)
        earliest = max(latest - _TRIM_SEARCH_FRAMES, self._window_frame)
        if latest > earliest:
            self._window_frame = max(
                range(latest, earliest - 1, -1), key=lambda frame: _distance(frame, words)
            )


def _distance(frame: int, words: Sequence[Word]) -> int:
    """Frames between `frame` and the nearest word; 0 inside one."""
    return min(
        (max(word.first_frame - frame, frame - word.last_frame, 0) for word in words),
        default=0,
    )
