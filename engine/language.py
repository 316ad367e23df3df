"""Which language is spoken: asked of the acoustic model, decided over the stream.

OWSM-CTC writes a language token on its first frame, also when its prefix says `<nolang>`. One
answer on half a second of sound proves little, so `LanguageWatch` asks several times: on the first
seconds of each stretch of speech, and from time to time while it goes on.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.acoustics import LANG_TOKENS, AcousticModel, language_shares
from engine.audio import SAMPLE_RATE_HZ, Samples

FIRST_S = 1.0
"""Sound of a stretch of speech before its language is asked for the first time."""

_OFTEN_UNTIL_S = 3.0  # once a second until then
_SELDOM_S = 3.0  # and at this interval from then on
WINDOW_S = 6.0
"""How much of the newest sound an answer rests on, at most."""

_SURE = 0.7  # probability that another language must reach to take over


class LanguageIdentifier(Protocol):
    """Says which of some languages a stretch of sound is in."""

    @property
    def languages(self) -> Sequence[str]:
        """ISO 639-1 codes of the languages that it tells apart."""
        ...

    def probabilities(self, samples: Samples) -> Mapping[str, float]:
        """Probability of each language, in all 1, for `samples`, (n,) at 16 kHz."""
        ...


class TokenIdentifier:
    """Reads the language tokens of an OWSM-CTC network."""

    def __init__(
        self,
        model: AcousticModel,
        pieces: Sequence[str],
        languages: Sequence[str],
        *,
        lang_tokens: Mapping[str, str] = LANG_TOKENS,
    ) -> None:
        """Wrap a model.

        Args:
            model: gives the log probabilities.
            pieces: its token list.
            languages: ISO 639-1 codes of those that may be spoken; others are not considered.
            lang_tokens: these codes to those of the model's tokens.

        Raises:
            ValueError: the model has no token for one of them.
        """
        self.languages = tuple(languages)
        self._model = model
        tokens = [f"<{lang_tokens.get(lang, lang)}>" for lang in languages]
        lacking = [token for token in tokens if token not in pieces]
        if lacking:
            raise ValueError(f"the recogniser has no language token {lacking[0]}")
        self._indices = [pieces.index(token) for token in tokens]

    def probabilities(self, samples: Samples) -> Mapping[str, float]:
        """Probability of each language, in all 1, for `samples`, (n,) at 16 kHz."""
        values = language_shares(self._model, samples, self._indices)
        return dict(zip(self.languages, values.tolist(), strict=True))


class LanguageWatch:
    """Decides on the language of one stretch of speech after the other; pure.

    While a stretch has no committed word, the most probable language is taken at once. Later on
    another one takes over only if two answers in a row are sure of it: committed words are not
    given up for a cough, and a name is not another language.
    """

    def __init__(self, language: str) -> None:
        """Begin with a language that is assumed until the first answer."""
        self.language = language
        self._n_asked = 0
        self._rival: str | None = None

    def begin(self) -> None:
        """A new stretch of speech: its language is that of the one before until it is asked for."""
        self._n_asked = 0
        self._rival = None

    def is_due(self, n_samples: int) -> bool:
        """Whether to ask, `n_samples` after the stretch began."""
        return n_samples >= self._next_s() * SAMPLE_RATE_HZ

    @property
    def has_asked(self) -> bool:
        """Whether the language of this stretch was asked for at all."""
        return self._n_asked > 0

    def hear(self, probabilities: Mapping[str, float], *, committed: bool) -> bool:
        """Take an answer; returns whether the language is another one from now on.

        Args:
            probabilities: of each language.
            committed: whether words of the stretch are committed.
        """
        self._n_asked += 1
        best = max(probabilities, key=probabilities.__getitem__)
        sure = probabilities[best] >= _SURE
        if best == self.language or (committed and not sure):
            self._rival = None
            return False
        if committed and best != self._rival:
            self._rival = best
            return False
        self.language, self._rival = best, None
        return True

    def _next_s(self) -> float:
        n_often = round(_OFTEN_UNTIL_S / FIRST_S)
        if self._rival is not None:  # asked again soon
            return 0.0
        if self._n_asked < n_often:
            return FIRST_S * (self._n_asked + 1)
        return _OFTEN_UNTIL_S + _SELDOM_S * (self._n_asked - n_often + 1)
