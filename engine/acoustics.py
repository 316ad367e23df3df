"""What the recogniser needs of an acoustic model, and the adapter that gets it from OWSM-CTC.

A `Decoder` turns a stretch of sound into tokens with times; how it searches (best path, beam,
language model) is its own matter. `BestPathDecoder` takes the most probable token of each frame.
No torch is imported here: the same adapter serves the exported networks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.audio import Samples
from models.owsm_ctc.config import NO_LANGUAGE, TRANSCRIBE

FRAME_SAMPLES = 1280
"""Samples of an output frame: 80 ms at 16 kHz. Sound is cut only at multiples of this, so that
the convolutions of the subsampling see the same grid whenever a sound is encoded again."""

FRAME_CENTRE_S = 0.07
"""Middle of the sound that an output frame describes, from the frame's start on the grid."""

WORD_MARK = "▁"
"""SentencePiece's mark in front of a piece that starts a word."""

LANG_TOKENS = {
    "ar": "ara", "cs": "ces", "de": "deu", "en": "eng", "es": "spa", "fr": "fra", "it": "ita",
    "ja": "jpn", "ko": "kor", "nl": "nld", "pl": "pol", "pt": "por", "ru": "rus", "sv": "swe",
    "tr": "tur", "uk": "ukr", "zh": "cmn",
}  # fmt: skip
"""ISO 639-1 codes to the three-letter codes of OWSM's language tokens."""

_N_PREFIX_FRAMES = 2  # the language and the task token in front of the sound


@dataclass(frozen=True, slots=True)
class Token:
    """One token and where it was heard."""

    piece: str
    first_frame: int
    last_frame: int
    confidence: float
    """Mean probability over its frames, 0 to 1."""

    def shifted(self, n_frames: int) -> "Token":
        """The same token, `n_frames` later."""
        return Token(
            self.piece, self.first_frame + n_frames, self.last_frame + n_frames, self.confidence
        )


class Decoder(Protocol):
    """Recognises one stretch of sound at a time."""

    def decode(self, samples: Samples, *, lang: str, last: bool = False) -> list[Token]:
        """Tokens of `samples`, in order; frames count from its start.

        Args:
            samples: (n,) at 16 kHz.
            lang: language spoken, ISO 639-1.
            last: this stretch is not decoded again, so that more work on it may be worth it.
        """
        ...


class AcousticModel(Protocol):
    """A network that gives log probabilities of tokens, as OWSM-CTC does."""

    def log_probs(
        self,
        audio: Sequence[Samples],
        *,
        lang: Sequence[str],
        task: Sequence[str],
        prompt: Sequence[str | None],
    ) -> tuple[Any, Any]:
        """Log probabilities (batch, frames, vocabulary) and the numbers of frames (batch,).

        Arrays or tensors; the first two frames belong to the language and task tokens.
        """
        ...


class BestPathDecoder:
    """Greedy CTC: the best token of each frame, repetitions joined, blanks dropped."""

    def __init__(
        self,
        model: AcousticModel,
        pieces: Sequence[str],
        *,
        task: str = TRANSCRIBE,
        lang_tokens: dict[str, str] | None = None,
        blank: int = 0,
    ) -> None:
        """Wrap a model.

        Args:
            model: gives the log probabilities.
            pieces: the token list; markers such as `<unk>` are never part of the text.
            task: `<asr>`, or `<st_xxx>` for a translation of what is said.
            lang_tokens: language codes of the program (ISO 639-1) to those of the model; codes
                that are not in it are passed as they are.
            blank: index of CTC's blank.
        """
        self._model = model
        self._pieces = pieces
        self._task = task
        self._lang_tokens = LANG_TOKENS if lang_tokens is None else lang_tokens
        self._blank = blank

    def decode(self, samples: Samples, *, lang: str, last: bool = False) -> list[Token]:
        """See `Decoder`; the best path is the same whether it is the last or not."""
        lang_token = self._lang_tokens.get(lang, lang)
        frames = sound_log_probs(self._model, samples, lang_token, self._task)
        if isinstance(frames, np.ndarray):
            return self._collapse(frames.argmax(-1), frames.max(-1))
        best_log_probs, best = frames.max(-1)  # a tensor: only the maxima leave its device
        return self._collapse(best.cpu().numpy(), best_log_probs.float().cpu().numpy())

    def _collapse(
        self, best: NDArray[np.int64], best_log_probs: NDArray[np.float32]
    ) -> list[Token]:
        tokens = []
        edges = np.flatnonzero(np.diff(best, prepend=-1, append=-1))
        for first, after in pairwise(edges.tolist()):
            index = int(best[first])
            piece = self._pieces[index]
            if index == self._blank or is_marker(piece):
                continue
            confidence = math.exp(float(best_log_probs[first:after].mean()))
            tokens.append(Token(piece, first, after - 1, min(confidence, 1.0)))
        return tokens


def sound_log_probs(
    model: AcousticModel, samples: Samples, lang_token: str, task: str = TRANSCRIBE
) -> Any:
    """Log probabilities (frames, vocabulary) of the sound's own frames, array or tensor."""
    log_probs, _ = model.log_probs([samples], lang=[lang_token], task=[task], prompt=[None])
    return log_probs[0, _N_PREFIX_FRAMES:]


def language_shares(
    model: AcousticModel, samples: Samples, indices: Sequence[int]
) -> NDArray[np.float32]:
    """How much of the first frame, where the model names the language, belongs to each token.

    Returns:
        Shares of the tokens with these indices, in all 1.
    """
    log_probs, _ = model.log_probs([samples], lang=[NO_LANGUAGE], task=[TRANSCRIBE], prompt=[None])
    first = np.array([float(log_probs[0, 0, index]) for index in indices], np.float32)
    weights: NDArray[np.float32] = np.exp(first - first.max())
    return weights / np.sum(weights, dtype=np.float32)


def heard_languages(pieces: Sequence[str]) -> tuple[str, ...]:
    """ISO 639-1 codes of the languages that a model has tokens for, as far as they are known."""
    return tuple(lang for lang, token in LANG_TOKENS.items() if f"<{token}>" in pieces)


def is_marker(piece: str) -> bool:
    """Whether a token is a mark such as `<unk>` or `<eng>` and not text."""
    return len(piece) > 2 and piece.startswith("<") and piece.endswith(">")
