"""The training task of OWSM-CTC recognisers: packed speech in, CTC losses and word error rates out.

Loss: the mean of the final and the inter-CTC losses (Peng et al. 2024). The target of a row is its
language, its task, its text; if that is a translation, all inter-CTC blocks but the last have the
transcript instead. The prefix gives the language or, in some rows, `<nolang>`, whereby the model
learns to tell the language itself; the prompt is `<na>` in most rows and otherwise what was said
before.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import jiwer
import numpy as np
import torch
from sentencepiece import SentencePieceProcessor
from torch import Tensor

from models.owsm_ctc.config import TRANSCRIBE, OwsmCtcConfig
from models.owsm_ctc.model import OwsmCtc
from models.owsm_ctc.network import BLANK_ID, mean_ctc_loss
from models.owsm_ctc.vocabulary import Vocabulary, build_tokens
from models.training.augmentation import Audio, Augmenter, mask_features
from models.training.recognizer_config import LANGUAGES, RecognizerConfig, RecognizerDataConfig
from models.training.recognizer_evaluation import (
    Spoken,
    evaluation_batches,
    held_out,
    real_dev,
    spread,
    synthetic_dev,
)
from models.training.recognizer_rows import RowBatch, RowMaker, padded_audio
from models.training.speech_corpus import SpeechDataError
from models.training.speech_data import (
    SpeechBatch,
    SpeechDataset,
    SpeechGroup,
    SpeechItem,
    items_of,
)
from models.training.speech_pack import PackedUtterance, SpeechPack
from models.training.warm_start import warm_start

log = logging.getLogger(__name__)

_STATISTICS_ITEMS = 300


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
        tokens = build_tokens(
            self._tokenizer,
            sorted(set(LANGUAGES.values()), reverse=True),
            [LANGUAGES[lang] for lang in config.data.translations],
        )
        torch.manual_seed(seed)
        self.model = OwsmCtc(
            OwsmCtcConfig.from_json({**config.model, "tokens": tokens}), self._tokenizer
        )
        # The stem's convolutions are twice as fast on the CPU in this order of memory.
        self.model.stem.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._vocabulary = Vocabulary(tokens, self._tokenizer)
        real = SpeechPack(speech / "real")
        synthetic = SpeechPack(speech / "synthetic")
        german = items_of(real, lambda row: row.lang == "de")
        held_out_german = (
            spread(german, config.data.n_dev_german) if config.data.n_dev_german else []
        )
        self._data = SpeechDataset(
            _groups(real, synthetic, config.data, without=held_out_german),
            epoch_hours=config.data.epoch_hours,
            batch_s=config.data.batch_s,
            seed=seed,
            longest_s=config.data.longest_s,
        )
        noise = speech / "noise"
        augmenter = Augmenter(config.augmentation, SpeechPack(noise) if noise.exists() else None)
        self._make_row = RowMaker(self._vocabulary, config.data, augmenter)
        self._dev = {
            "wer_real": real_dev(real, config.data.n_dev_real),
            "wer_synthetic": synthetic_dev(speech / "synthetic_dev", config.data.n_dev_synthetic),
        }
        self._dev_german = held_out(held_out_german)
        self._set_statistics()
        if init is not None:
            warm_start(self.model, init)

    def batches(self, epoch: int) -> Iterator[SpeechBatch]:
        """Plans of an epoch's batches; the same epoch gives the same ones in the same order."""
        return self._data.batches(epoch)

    def prepare(self, plan: SpeechBatch) -> RowBatch:
        """The rows of a batch: read, changed at random, padded."""
        dice = np.random.default_rng(plan.seed)
        rows = [self._make_row(item, dice) for item in plan.items]
        return RowBatch.of(rows, plan.seed % 2**31)

    def loss(self, batch: RowBatch, progress: float) -> tuple[Tensor, float]:
        """Mean loss of the utterances, and the seconds of audio they hold."""
        batch = batch.to(next(self.model.parameters()).device)
        features, lengths = self._features(batch.audio, batch.n_samples)
        generator = torch.Generator().manual_seed(batch.seed)
        features = mask_features(features, lengths, self._config.augmentation, generator)
        output = self.model(features, lengths, batch.prefix, batch.prompts, batch.prompt_lengths)
        targets, heard = (batch.targets, batch.target_lengths), batch.heard
        n_inter = len(output.inter_log_probs)
        inter_targets = [heard] * (n_inter - 1) + [targets] if n_inter and heard else None
        return mean_ctc_loss(output, *targets, inter_targets=inter_targets), batch.seconds

    def evaluate(self) -> dict[str, float]:
        """Greedy word error rates, in per cent; the mean `wer` of the English ones decides.

        With German held out there are, too, its own, and how often the language is not told.
        """
        scores = {name: self._word_error_rate(spoken) for name, spoken in self._dev.items()}
        scores = {"wer": sum(scores.values()) / len(scores), **scores}
        if self._dev_german:
            scores["wer_german"] = self._word_error_rate(self._dev_german)
            both = [*self._dev_german, *self._dev["wer_real"]]
            mistaken = sum(self.model.recognize(one.audio).language != _token(one) for one in both)
            scores["language_errors"] = 100.0 * mistaken / len(both)
        return scores

    def save(self, directory: Path, scores: dict[str, float]) -> None:
        """Write the model as a checkpoint of kind `owsm-ctc`."""
        hears = list(self._config.data.hears)
        facts: dict[str, object] = {"source_lang": hears[0], "languages": hears, "scores": scores}
        self.model.save(directory, facts=facts)

    def transcribe(self, audio: Sequence[Audio], lang: str = "eng") -> list[str]:
        """Return the greedy transcripts of a batch; the model should be in evaluation mode."""
        features, lengths = self._features(*padded_audio(audio))
        tokens = [self._vocabulary.language_id(lang), self._vocabulary.task_id(TRANSCRIBE)]
        prefix = torch.tensor([tokens] * len(audio), device=features.device)
        output = self.model(features, lengths, prefix, keep_inter=False)
        best = output.log_probs.argmax(-1).cpu()  # (batch, out)
        texts = []
        for ids, n_frames in zip(best, output.lengths.tolist(), strict=True):
            collapsed = torch.unique_consecutive(ids[:n_frames]).tolist()
            texts.append(self._vocabulary.text(i for i in collapsed if i != BLANK_ID))
        return texts

    def _features(self, audio: Tensor, n_samples: Tensor) -> tuple[Tensor, Tensor]:
        device = next(self.model.parameters()).device
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            features: tuple[Tensor, Tensor] = self.model.frontend(
                audio.to(device), n_samples.to(device)
            )
        return features

    def _set_statistics(self) -> None:
        """Measure mean and deviation of the log-mel values, as training sees them."""
        total = torch.zeros(2, self.model.config.n_mels, dtype=torch.float64)
        n_frames, n_items = 0, 0
        for batch in self._data.batches(len(self._config.data.longest_s)):
            dice = np.random.default_rng(batch.seed)
            for item in batch.items[:8]:
                audio = torch.from_numpy(self._make_row(item, dice).audio)[None]
                frames, _ = self.model.frontend.log_mel(audio, torch.tensor([audio.shape[1]]))
                frames = frames[0].double()
                total += torch.stack((frames.sum(0), frames.square().sum(0)))
                n_frames, n_items = n_frames + len(frames), n_items + 1
            if n_items >= _STATISTICS_ITEMS:
                break
        mean, square = total / n_frames
        deviation = (square - mean.square()).clamp_min(1e-6).sqrt()
        self.model.frontend.set_statistics(mean.float(), deviation.float())

    def _word_error_rate(self, spoken: Sequence[Spoken]) -> float:
        if not spoken:
            return 100.0
        hypotheses: list[str] = []
        for batch in evaluation_batches(spoken):
            hypotheses += self.transcribe([one.audio for one in batch], LANGUAGES[batch[0].lang])
        rate: float = jiwer.wer([one.transcript for one in spoken], hypotheses)
        return 100.0 * rate


def _token(spoken: Spoken) -> str:
    return f"<{LANGUAGES[spoken.lang]}>"


def _groups(
    real: SpeechPack,
    synthetic: SpeechPack,
    config: RecognizerDataConfig,
    *,
    without: Sequence[SpeechItem],
) -> list[SpeechGroup]:
    """Return what is drawn from, without what is held out."""
    kept_back = {item.row.id for item in without}
    langs = config.translations

    def is_german(row: PackedUtterance) -> bool:
        return row.lang == "de" and row.id not in kept_back

    def is_english(row: PackedUtterance) -> bool:
        return row.split == "train" and row.lang == "en"

    shares = config.real_share, config.german_share, config.digits_share
    return [
        SpeechGroup("real", items_of(real, is_english, translations=langs), shares[0]),
        SpeechGroup("german", items_of(real, is_german), shares[1]),
        SpeechGroup("digits", items_of(real, lambda row: row.split == "train_digits"), shares[2]),
        SpeechGroup(
            "synthetic", items_of(synthetic, is_english, translations=langs), 1.0 - sum(shares)
        ),
    ]


def _read_tokenizer(path: Path) -> SentencePieceProcessor:
    try:
        return SentencePieceProcessor(model_proto=path.read_bytes())
    except OSError as error:
        raise SpeechDataError(f"{path}: {error.strerror}; prepare the speech first") from error
    except RuntimeError as error:
        raise SpeechDataError(f"{path} is no sentencepiece model: {error}") from error
