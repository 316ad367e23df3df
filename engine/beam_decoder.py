"""Beam search beside the best path: the same tokens with frames, chosen with a language model.

The search finds the token sequence that sound and language model together like best; aligning it
to the sound (Viterbi) then says on which frames each token was heard, so that agreement between
the hypotheses of a stream works as it does for the best path.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.acoustics import LANG_TOKENS, AcousticModel, Token, is_marker, sound_log_probs
from engine.audio import Samples
from models.owsm_ctc.alignment import align_tokens
from models.owsm_ctc.biases import Bias
from models.owsm_ctc.prefix_search import beam_search

_NEVER = -1e4
"""Log-probability given to marks. Finite, because the sums of a search are not to be NaN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamConfig:
    """How wide the search is; margins in natural logarithms."""

    beam: int = 12
    """Hypotheses kept after each frame."""
    tokens_per_frame: int = 10
    """Tokens tried in each frame."""
    token_margin: float = 6.0
    """A token that is this much less probable than the best of its frame is not tried."""
    beam_margin: float = 10.0
    """A hypothesis that scores this much less than the best is dropped."""
    skip_blank: float = 0.995
    """A frame on which blank is more probable than this is taken for nothing but blank."""


STEP = BeamConfig()
"""While speech goes on: the window is searched several times a second."""
LAST = BeamConfig(
    beam=48, tokens_per_frame=12, token_margin=8.0, beam_margin=16.0, skip_blank=0.999
)
"""Where a segment ends: searched once, for twice the time."""


class BeamDecoder:
    """CTC prefix beam search with a bias, such as a language model; see `Decoder`."""

    def __init__(
        self,
        model: AcousticModel,
        pieces: Sequence[str],
        *,
        bias: Bias | None = None,
        step: BeamConfig = STEP,
        last: BeamConfig = LAST,
        lang_tokens: dict[str, str] | None = None,
    ) -> None:
        """Wrap a model.

        Args:
            model: gives the log probabilities; its blank has index 0.
            pieces: the token list; markers such as `<unk>` are never part of the text.
            bias: scores of token sequences, added to those of the sound.
            step: width of the search while speech goes on.
            last: the same for sound that is not searched again.
            lang_tokens: as for `BestPathDecoder`.
        """
        self._model = model
        self._markers = [index for index, piece in enumerate(pieces) if index and is_marker(piece)]
        self._pieces = pieces
        self._bias = bias
        self._step, self._last = step, last
        self._lang_tokens = LANG_TOKENS if lang_tokens is None else lang_tokens

    def decode(self, samples: Samples, *, lang: str, last: bool = False) -> list[Token]:
        """See `Decoder`; the last search is wider."""
        log_probs = sound_log_probs(self._model, samples, self._lang_tokens.get(lang, lang))
        if not isinstance(log_probs, np.ndarray):
            log_probs = log_probs.float().cpu().numpy()
        return self.search(log_probs, self._last if last else self._step)

    def search(self, log_probs: NDArray[np.float32], config: BeamConfig) -> list[Token]:
        """Tokens of (frames, vocabulary) log probabilities; frames count from the first."""
        frames = np.array(log_probs, dtype=np.float32)
        frames[:, self._markers] = _NEVER
        hypotheses = beam_search(
            frames,
            beam=config.beam,
            tokens_per_frame=config.tokens_per_frame,
            bias=self._bias,
            token_margin=config.token_margin,
            beam_margin=config.beam_margin,
            skip_blank_log_prob=float(np.log(config.skip_blank)),
        )
        best = hypotheses[0].token_ids
        if not best:
            return []
        return [
            Token(self._pieces[run.token_id], run.first, run.last, min(run.confidence, 1.0))
            for run in align_tokens(frames, list(best))
        ]
