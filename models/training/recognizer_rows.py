"""Rows of a recogniser's batches: changed audio, prefix, prompt, and the targets of its losses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.owsm_ctc.config import NO_LANGUAGE, TRANSCRIBE
from models.owsm_ctc.vocabulary import Vocabulary
from models.training.augmentation import Audio, Augmenter
from models.training.recognizer_config import LANGUAGES, RecognizerDataConfig
from models.training.speech_data import SpeechItem
from models.training.speech_pack import RATE_HZ, Samples

_SHORTEST_SAMPLES = RATE_HZ // 2
_MARGIN_SAMPLES = RATE_HZ * 8 // 100  # a word that ends so shortly before a cut may be half said


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One utterance made ready: audio, and ids of the prefix, the prompt and the targets.

    `transcript` is the target of the early inter-CTC blocks, `target` that of all others; they
    differ where the task is a translation.
    """

    audio: Audio
    prefix: list[int]
    prompt: list[int]
    target: list[int]
    transcript: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBatch:
    """Rows of like length, padded; ids are (batch, tokens), lengths (batch,)."""

    audio: Tensor
    """(batch, samples), float in -1 … 1."""
    n_samples: Tensor
    prefix: Tensor
    """(batch, 2)"""
    prompts: Tensor | None
    """None if no row has one."""
    prompt_lengths: Tensor | None
    targets: Tensor
    target_lengths: Tensor
    heard: tuple[Tensor, Tensor] | None
    """Ids and lengths of the transcripts; None if they are the targets."""
    seed: int
    """Of what else is drawn."""

    @classmethod
    def of(cls, rows: Sequence[Row], seed: int) -> "RowBatch":
        """Pad rows."""
        audio, n_samples = padded_audio([row.audio for row in rows])
        prompts, prompt_lengths = None, None
        if any(len(row.prompt) > 1 for row in rows):
            prompts, prompt_lengths = padded([row.prompt for row in rows])
        targets, target_lengths = padded([row.target for row in rows])
        heard = None
        if any(row.transcript != row.target for row in rows):
            heard = padded([row.transcript for row in rows])
        return cls(
            audio=audio,
            n_samples=n_samples,
            prefix=torch.tensor([row.prefix for row in rows]),
            prompts=prompts,
            prompt_lengths=prompt_lengths,
            targets=targets,
            target_lengths=target_lengths,
            heard=heard,
            seed=seed,
        )

    @property
    def seconds(self) -> float:
        """Seconds of audio, without padding."""
        return float(self.n_samples.sum()) / RATE_HZ

    def to(self, device: torch.device) -> "RowBatch":
        """The batch on a device."""
        prompts = (self.prompts, self.prompt_lengths)
        ids, lengths = (None if part is None else part.to(device) for part in prompts)
        return RowBatch(
            audio=self.audio.to(device),
            n_samples=self.n_samples,
            prefix=self.prefix.to(device),
            prompts=ids,
            prompt_lengths=lengths,
            targets=self.targets.to(device),
            target_lengths=self.target_lengths.to(device),
            heard=self.heard and (self.heard[0].to(device), self.heard[1].to(device)),
            seed=self.seed,
        )


class RowMaker:
    """Draws everything random about an utterance; the same dice give the same row."""

    def __init__(
        self, vocabulary: Vocabulary, config: RecognizerDataConfig, augmenter: Augmenter
    ) -> None:
        self._vocabulary = vocabulary
        self._config = config
        self._augmenter = augmenter

    def __call__(self, item: SpeechItem, dice: np.random.Generator) -> Row:
        """Return the row of an utterance."""
        config, vocabulary = self._config, self._vocabulary
        language = vocabulary.language_id(LANGUAGES[item.row.lang])
        nothing = vocabulary.language_id(NO_LANGUAGE)
        given = nothing if dice.random() < config.unknown_language else language
        prompt = item.previous if dice.random() < config.prompt else None
        samples, transcript, translation = self._content(item, dice)
        audio = self._augmenter(samples, dice)
        if dice.random() < config.no_speech:
            level = np.float32(10 ** (dice.uniform(-50, 0) / 20))
            audio = self._augmenter.noise(len(audio), dice) * level
            transcript, translation, language = "", None, given
        if len(audio) < _SHORTEST_SAMPLES:
            audio = np.pad(audio, (0, _SHORTEST_SAMPLES - len(audio)))
        transcribe = vocabulary.task_id(TRANSCRIBE)
        heard = [language, transcribe, *vocabulary.encode(transcript)]
        task, target = transcribe, heard
        if translation is not None:
            lang, text = translation
            task = vocabulary.task_id(f"<st_{LANGUAGES[lang]}>")
            target = [language, task, *vocabulary.encode(text)]
        return Row(
            audio=audio,
            prefix=[given, task],
            prompt=vocabulary.prompt_ids(prompt),
            target=target,
            transcript=heard,
        )

    def _content(
        self, item: SpeechItem, dice: np.random.Generator
    ) -> tuple[Samples, str, tuple[str, str] | None]:
        """Return samples, what is said in them, and perhaps language and text of a translation."""
        config = self._config
        # Nothing is drawn for what is not configured: older runs go on with the same rows.
        if config.translate and item.translations and dice.random() < config.translate:
            chosen = item.translations[int(dice.integers(len(item.translations)))]
            return item.samples(), item.row.transcript, chosen
        if config.truncate and item.word_ends and dice.random() < config.truncate:
            shortest = min(_SHORTEST_SAMPLES, item.row.n_samples)
            samples, text = truncated(item, int(dice.integers(shortest, item.row.n_samples + 1)))
            return samples, text, None
        return item.samples(), item.row.transcript, None


def truncated(item: SpeechItem, n_samples: int) -> tuple[Samples, str]:
    """Return the first samples of an utterance, and the words that had ended by then."""
    n_words = sum(end + _MARGIN_SAMPLES <= n_samples for end in item.word_ends)
    if n_samples >= item.row.n_samples:
        n_words = len(item.word_ends)
    return item.samples()[:n_samples], " ".join(item.row.transcript.split()[:n_words])


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return (batch, tokens) ids and (batch,) lengths."""
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    return ids, torch.tensor([len(row) for row in rows])


def padded_audio(audio: Sequence[Audio]) -> tuple[Tensor, Tensor]:
    """Return (batch, samples) and (batch,) lengths."""
    samples = pad_sequence([torch.from_numpy(one) for one in audio], batch_first=True)
    return samples, torch.tensor([len(one) for one in audio])
