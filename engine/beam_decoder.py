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

    beam: int = 6
    """Hypotheses kept after each frame."""
    tokens_per_frame: int = 8
    """Tokens tried in each frame."""
    token_margin: float = 5.0
    """A token that is this much less probable than the best of its frame is not tried."""
    beam_margin: float = 8.0
    """A hypothesis that scores this much less than the best is dropped."""
    skip_blank: float = 0.99
    """A frame on which blank is more probable than this is taken for nothing but blank."""


class BeamDecoder:
    """CTC prefix beam search with a bias, such as a language model; see `Decoder`."""

    def __init__(
        self,
        model: AcousticModel,
        pieces: Sequence[str],
        *,
        bias: Bias | None = None,
        config: BeamConfig | None = None,
        lang_tokens: dict[str, str] | None = None,
    ) -> None:
        """Wrap a model.

        Args:
            model: gives the log probabilities; its blank has index 0.
            pieces: the token list; markers such as `<unk>` are never part of the text.
            bias: scores of token sequences, added to those of the sound.
            config: width of the search.
            lang_tokens: as for `BestPathDecoder`.
        """
        self._model = model
        self._markers = [index for index, piece in enumerate(pieces) if index and is_marker(piece)]
        self._pieces = pieces
        self._bias = bias
        self._config = config or BeamConfig()
        self._lang_tokens = LANG_TOKENS if lang_tokens is None else lang_tokens

    def decode(self, samples: Samples, *, lang: str) -> list[Token]:
        """Tokens of `samples`, (n,) at 16 kHz, in order; frames count from its start."""
        log_probs = sound_log_probs(self._model, samples, self._lang_tokens.get(lang, lang))
        if not isinstance(log_probs, np.ndarray):
            log_probs = log_probs.float().cpu().numpy()
        return self.search(log_probs)

    def search(self, log_probs: NDArray[np.float32]) -> list[Token]:
        """Tokens of (frames, vocabulary) log probabilities; frames count from the first."""
        frames = np.array(log_probs, dtype=np.float32)
        frames[:, self._markers] = _NEVER
        config = self._config
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
