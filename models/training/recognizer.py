"""The training task of OWSM-CTC recognisers: packed speech in, CTC losses and word error rates out.

Loss: the mean of the final and the inter-CTC losses (Peng et al. 2024). The target of a row is its
language, its task, its text. The prefix gives the language or, in some rows, `<nolang>`, whereby
the model learns to tell the language itself; the prompt is `<na>` in most rows and otherwise what
was said before.
"""

import csv
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import jiwer
import numpy as np
import torch
from sentencepiece import SentencePieceProcessor
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.owsm_ctc.config import NO_LANGUAGE, TRANSCRIBE, OwsmCtcConfig
from models.owsm_ctc.model import OwsmCtc
from models.owsm_ctc.network import BLANK_ID, mean_ctc_loss
from models.owsm_ctc.vocabulary import Vocabulary, build_tokens
from models.training.augmentation import Audio, AugmentationConfig, Augmenter, mask_features
from models.training.loop import LoopConfig
from models.training.speech_corpus import SpeechDataError
from models.training.speech_data import (
    SpeechBatch,
    SpeechDataset,
    SpeechGroup,
    SpeechItem,
    items_of,
)
from models.training.speech_pack import RATE_HZ, PackedUtterance, SpeechPack
from models.training.speech_synthesis import read_wav
from models.training.warm_start import warm_start

log = logging.getLogger(__name__)

LANGUAGES: Mapping[str, str] = {"en": "eng", "de": "deu"}
"""Languages of the packs and their codes in the vocabulary."""

_SHORTEST_SAMPLES = RATE_HZ // 2
_STATISTICS_ITEMS = 300
_EVALUATION_BATCH_S = 120.0

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerDataConfig:
    """What is drawn and how often.

    Attributes:
        real_share, german_share, digits_share: parts of the seconds seen that are real English,
            German, and spoken digits; synthetic speech has the rest.
        epoch_hours, batch_s, longest_s: see `SpeechDataset`.
        unknown_language: how often the prefix is `<nolang>`.
        prompt: how often the prompt is the text before, if there is one.
        no_speech: how often a row is noise alone, which has no text.
        n_dev_real, n_dev_synthetic: utterances of the evaluations during training; 0: all.
    """

    real_share: float = 0.46
    german_share: float = 0.03
    digits_share: float = 0.01
    epoch_hours: float = 4.0
    batch_s: float = 90.0
    longest_s: tuple[float, ...] = (18.0,)
    unknown_language: float = 0.3
    prompt: float = 0.1
    no_speech: float = 0.01
    n_dev_real: int = 80
    n_dev_synthetic: int = 100

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: a share or a probability is outside 0 to 1.
        """
        names = ("real_share", "german_share", "digits_share")
        for name in (*names, "unknown_language", "prompt", "no_speech"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"data: {name} = {value!r}; it must be from 0 to 1")
        if sum(getattr(self, name) for name in names) > 1.0:
            raise ValueError(f"data: {', '.join(names)} must not add up to more than 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerConfig:
    """A whole training configuration; `model` are the sizes in `OwsmCtcConfig` without `tokens`."""

    model: Mapping[str, Any] = field(default_factory=dict)
    data: RecognizerDataConfig = field(default_factory=RecognizerDataConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    loop: LoopConfig

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "RecognizerConfig":
        """Read the tables model, data, augmentation, loop, as TOML gives them.

        Raises:
            ValueError: a table or key is unknown, or a value is out of range.
        """
        tables = ("model", "data", "augmentation", "loop")
        unknown = sorted(set(values) - set(tables))
        if unknown:
            raise ValueError(f"unknown table [{unknown[0]}]; known: {', '.join(tables)}")
        return cls(
            model=dict(values.get("model", {})),
            data=_table(RecognizerDataConfig, "data", values),
            augmentation=_table(AugmentationConfig, "augmentation", values),
            loop=_table(LoopConfig, "loop", values),
        )


def _table(kind: type[ConfigT], name: str, values: Mapping[str, Any]) -> ConfigT:
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    table = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in values.get(name, {}).items()
    }
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(f"[{name}] has no key {unknown[0]!r}; known: {', '.join(sorted(known))}")
    return kind(**table)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """Audio and its transcript, for evaluation."""

    audio: Audio
    transcript: str


class RecognizerTask:
    """Implements `models.training.loop.TrainingTask` for the packs that `prepare_speech` made.

    Args:
        config: everything but the loop is used here.
        speech: the folder that `prepare_speech` wrote.
        init: checkpoint to start from; without it the weights are random.
        seed: of the drawing and the augmentation.

    Raises:
        SpeechDataError, PackError: the folder lacks a part.
        CheckpointError: the checkpoint cannot be loaded.
    """

    score_name = "wer"
    higher_is_better = False

    def __init__(
        self, config: RecognizerConfig, speech: Path, *, init: Path | None = None, seed: int = 1
    ) -> None:
        self._config = config
        self._tokenizer = _read_tokenizer(speech / "tokenizer.model")
        tokens = build_tokens(self._tokenizer, sorted(set(LANGUAGES.values()), reverse=True))
        torch.manual_seed(seed)
        self.model = OwsmCtc(
            OwsmCtcConfig.from_json({**config.model, "tokens": tokens}), self._tokenizer
        )
        # The stem's convolutions are twice as fast on the CPU in this order of memory.
        self.model.stem.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._vocabulary = Vocabulary(tokens, self._tokenizer)
        real = SpeechPack(speech / "real")
        self._data = SpeechDataset(
            _groups(real, SpeechPack(speech / "synthetic"), config.data),
            epoch_hours=config.data.epoch_hours,
            batch_s=config.data.batch_s,
            seed=seed,
            longest_s=config.data.longest_s,
        )
        noise = speech / "noise"
        self._augmenter = Augmenter(
            config.augmentation, SpeechPack(noise) if noise.exists() else None
        )
        self._dev = {
            "wer_real": _real_dev(real, config.data.n_dev_real),
            "wer_synthetic": _synthetic_dev(speech / "synthetic_dev", config.data.n_dev_synthetic),
        }
        self._set_statistics()
        if init is not None:
            warm_start(self.model, init)

    def batches(self, epoch: int) -> Iterator[SpeechBatch]:
        """All batches of an epoch; the same epoch gives the same batches in the same order."""
        return self._data.batches(epoch)

    def loss(self, batch: SpeechBatch, progress: float) -> tuple[Tensor, float]:
        """Mean loss of the utterances, and the seconds of audio they hold."""
        dice = np.random.default_rng(batch.seed)
        generator = torch.Generator().manual_seed(batch.seed % 2**31)
        rows = [self._row(item, dice) for item in batch.items]
        features, lengths = self._features([row.audio for row in rows])
        features = mask_features(features, lengths, self._config.augmentation, generator)
        device = features.device
        prefix = torch.tensor([row.prefix for row in rows], device=device)  # (batch, 2)
        prompts, prompt_lengths = _padded([row.prompt for row in rows], device)
        targets, target_lengths = _padded([row.target for row in rows], device)
        has_prompt = any(len(row.prompt) > 1 for row in rows)
        output = self.model(
            features,
            lengths,
            prefix,
            prompts if has_prompt else None,
            prompt_lengths if has_prompt else None,
        )
        seconds = sum(len(row.audio) for row in rows) / RATE_HZ
        return mean_ctc_loss(output, targets, target_lengths), seconds

    def evaluate(self) -> dict[str, float]:
        """Greedy word error rates, in per cent, and their mean `wer`, which decides."""
        scores = {name: self._word_error_rate(spoken) for name, spoken in self._dev.items()}
        return {"wer": sum(scores.values()) / len(scores), **scores}

    def save(self, directory: Path, scores: dict[str, float]) -> None:
        """Write the model as a checkpoint of kind `owsm-ctc`."""
        self.model.save(directory, facts={"source_lang": "en", "scores": scores})

    def transcribe(self, audio: Sequence[Audio], lang: str = "eng") -> list[str]:
        """Return the greedy transcripts of a batch; the model should be in evaluation mode."""
        features, lengths = self._features(audio)
        tokens = [self._vocabulary.language_id(lang), self._vocabulary.task_id(TRANSCRIBE)]
        prefix = torch.tensor([tokens] * len(audio), device=features.device)
        output = self.model(features, lengths, prefix, keep_inter=False)
        best = output.log_probs.argmax(-1).cpu()  # (batch, out)
        texts = []
        for ids, n_frames in zip(best, output.lengths.tolist(), strict=True):
            collapsed = torch.unique_consecutive(ids[:n_frames]).tolist()
            texts.append(self._vocabulary.text(i for i in collapsed if i != BLANK_ID))
        return texts

    def _row(self, item: SpeechItem, dice: np.random.Generator) -> "_Row":
        data, vocabulary = self._config.data, self._vocabulary
        language = vocabulary.language_id(LANGUAGES[item.row.lang])
        nothing = vocabulary.language_id(NO_LANGUAGE)
        given = nothing if dice.random() < data.unknown_language else language
        prompt = item.previous if dice.random() < data.prompt else None
        audio = self._augmenter(item.samples(), dice)
        text = vocabulary.encode(item.row.transcript)
        if dice.random() < data.no_speech:
            level = np.float32(10 ** (dice.uniform(-50, 0) / 20))
            audio, text, language = self._augmenter.noise(len(audio), dice) * level, [], given
        if len(audio) < _SHORTEST_SAMPLES:
            audio = np.pad(audio, (0, _SHORTEST_SAMPLES - len(audio)))
        task = vocabulary.task_id(TRANSCRIBE)
        return _Row(
            audio=audio,
            prefix=[given, task],
            prompt=vocabulary.prompt_ids(prompt),
            target=[language, task, *text],
        )

    def _features(self, audio: Sequence[Audio]) -> tuple[Tensor, Tensor]:
        device = next(self.model.parameters()).device
        lengths = torch.tensor([len(one) for one in audio], device=device)
        padded = pad_sequence([torch.from_numpy(one) for one in audio], batch_first=True)
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            features: tuple[Tensor, Tensor] = self.model.frontend(padded.to(device), lengths)
        return features

    def _set_statistics(self) -> None:
        """Measure mean and deviation of the log-mel values, as training sees them."""
        total = torch.zeros(2, self.model.config.n_mels, dtype=torch.float64)
        n_frames, n_items = 0, 0
        for batch in self._data.batches(len(self._config.data.longest_s)):
            dice = np.random.default_rng(batch.seed)
            for item in batch.items[:8]:
                audio = torch.from_numpy(self._row(item, dice).audio)[None]
                frames, _ = self.model.frontend.log_mel(audio, torch.tensor([audio.shape[1]]))
                frames = frames[0].double()
                total += torch.stack((frames.sum(0), frames.square().sum(0)))
                n_frames, n_items = n_frames + len(frames), n_items + 1
            if n_items >= _STATISTICS_ITEMS:
                break
        mean, square = total / n_frames
        deviation = (square - mean.square()).clamp_min(1e-6).sqrt()
        self.model.frontend.set_statistics(mean.float(), deviation.float())

    def _word_error_rate(self, spoken: Sequence[_Spoken]) -> float:
        if not spoken:
            return 100.0
        hypotheses: list[str] = []
        for batch in _evaluation_batches(spoken):
            hypotheses += self.transcribe([one.audio for one in batch])
        rate: float = jiwer.wer([one.transcript for one in spoken], hypotheses)
        return 100.0 * rate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One utterance made ready: audio, and ids of the prefix, the prompt and the target."""

    audio: Audio
    prefix: list[int]
    prompt: list[int]
    target: list[int]


def _padded(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return (batch, tokens) ids and (batch,) lengths."""
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    return ids.to(device), torch.tensor([len(row) for row in rows], device=device)


def _groups(
    real: SpeechPack, synthetic: SpeechPack, config: RecognizerDataConfig
) -> list[SpeechGroup]:
    def is_english(row: PackedUtterance) -> bool:
        return row.split == "train" and row.lang == "en"

    shares = config.real_share, config.german_share, config.digits_share
    return [
        SpeechGroup("real", items_of(real, is_english), shares[0]),
        SpeechGroup("german", items_of(real, lambda row: row.lang == "de"), shares[1]),
        SpeechGroup("digits", items_of(real, lambda row: row.split == "train_digits"), shares[2]),
        SpeechGroup("synthetic", items_of(synthetic, is_english), 1.0 - sum(shares)),
    ]


def _real_dev(real: SpeechPack, limit: int) -> list[_Spoken]:
    """Return evenly spaced read-book utterances of the development split, shortest first."""
    rows = [row for row in real if row.split == "dev" and row.source.startswith("librispeech")]
    spoken = [
        _Spoken(real.samples(row).astype(np.float32) / np.float32(32768), row.transcript)
        for row in _spread(rows, limit)
    ]
    return sorted(spoken, key=lambda one: len(one.audio))


def _synthetic_dev(directory: Path, limit: int) -> list[_Spoken]:
    """Return evenly spaced utterances of the held-out synthetic set, shortest first."""
    manifest = directory / "manifest.tsv"
    try:
        with manifest.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except FileNotFoundError:
        raise SpeechDataError(f"{manifest} is missing: prepare the speech first") from None
    spoken = [
        _Spoken(
            read_wav(directory / row["path"]).astype(np.float32) / np.float32(32768),
            row["transcript"],
        )
        for row in _spread(rows, limit)
    ]
    return sorted(spoken, key=lambda one: len(one.audio))


ItemT = TypeVar("ItemT")


def _spread(items: Sequence[ItemT], limit: int) -> list[ItemT]:
    if limit <= 0 or limit >= len(items):
        return list(items)
    return [items[position * len(items) // limit] for position in range(limit)]


def _evaluation_batches(spoken: Sequence[_Spoken]) -> Iterator[list[_Spoken]]:
    batch: list[_Spoken] = []
    for one in spoken:  # shortest first, so `one` is the longest so far
        if batch and len(one.audio) * (len(batch) + 1) > _EVALUATION_BATCH_S * RATE_HZ:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _read_tokenizer(path: Path) -> SentencePieceProcessor:
    try:
        return SentencePieceProcessor(model_proto=path.read_bytes())
    except OSError as error:
        raise SpeechDataError(f"{path}: {error.strerror}; prepare the speech first") from error
    except RuntimeError as error:
        raise SpeechDataError(f"{path} is no sentencepiece model: {error}") from error
